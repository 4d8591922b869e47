"""Measure the readers on material that nobody here wrote.

Set DIGESTD_TEST_WORLD to one or more folders (separated by `:`) and run `tests/run --long tests/world`. It prints how
many items of each collection are right, wrong, unread or crash. The material is never committed: a form that a reader
had wrong becomes a fixture of our own writing beside the reader's tests.

    FOLDER/READER/COLLECTION/expected.jsonl

READER is a name in `READERS` of `tests/world/readers.py`; its module says what is expected of an item. Each line of
`expected.jsonl` describes one item:

    {"file": "mails/17.eml", "expect": ["hard"]}              a file, relative to the collection or absolute
    {"text": "550 5.1.1 User unknown", "expect": ["hard"]}    or the item itself
"""
