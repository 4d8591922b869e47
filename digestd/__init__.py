"""digestd: the day's new papers as one personal e-mail per subscriber.

     source ──► fetch ──► papers ──► digest ─────────────► delivery ──► transport
     request,   HTTP,     identity,  due, rank, pick,      assemble,     SMTP /
     parse      limits    merge      freeze, ledger row    commit, send  Maildir
                                                           record   ◄── bounces, replies
     scheduler or job engine: only ticks; what is due is in the database

Stages meet only in the store, so each can be run by hand, killed, or moved to another machine. Imports go down only:

    cli/           the command line, one module per noun
    web/           pages, JSON API, static files
    jobs/          the runners: scheduler, worker, job engine and receiver: what runs when
    evaluation/    evaluate, trial, bench: measures, never used by the pipeline
    app            composition root: settings become the parts; the only clock and source of randomness
    replies/       bounces, complaints and commands by mail: read, classify, act
    subscribers/   sign-up, preferences, consent, references and libraries, webhooks
    delivery/      claim, commit point, connections, transports, retry, relay logs, reconciliation
    digests/       who is due, candidates, picks, planning
    mail/          templates to HTML and text, MIME, DKIM, feeds and citations
    papers/        identity, deduplication, merging, coverage
    fetching/      HTTP client, politeness, SSRF guard, confined parsers
    sources/       one module per source: request and parse, pure
    ranking/       model, profiles, signals, fusion, reasons: pure
    store/         the only place that sees the database: tables, one module per aggregate, migrations
    security/      tokens in links, the secret key, encryption at rest, confinement of parsers
    domain/        frozen dataclasses and pure rules about them
    settings, errors, logs, tracing, resources (built-in templates and sample papers)
"""

__version__ = "0.1.0"
