"""Papers: one record per work, made from what many sources report.

`ingest` fetches every source, stores sightings page by page and judges the coverage of each day. `identity`,
`similarity` and `deduplication` find sightings of the same work, `merge` decides what to write (pure).
This package knows nothing about subscribers, ranking profiles or mail.
"""
