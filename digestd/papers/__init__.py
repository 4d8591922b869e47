"""Papers: one record per work, made from what many sources report.

`ingest` visits every source (`source_runner`), which fetches page by page (`page_reader`), stores each page
(`page_store`) and judges the coverage of each day (`coverage`). `identity` and `similarity` find sightings of the same
work, `merge` decides what to write (both pure), and `deduplication` joins works without a common identifier.
`search` finds papers by words and meaning. This package knows nothing about subscribers, ranking profiles or mail.
"""
