"""Programs that mail digests as others do, and `python -m tests.bench.peers`, which measures them.

Each program runs as `PROGRAM PORT FOLDER COUNT`: it reads `digests.json` in the folder and mails the first `COUNT`
digests to the relay on that port of 127.0.0.1.
"""
