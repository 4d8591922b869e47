"""digestd turns the day's new papers into one personal mail per subscriber.

The road of one paper, a file a stage:

     source ──► fetch ──► papers ──► digest ─────────────► delivery ──► transport
     request,   HTTP,     identity,  due, rank, pick,      assemble,     SMTP /
     parse      limits    merge      freeze, ledger row    commit, send  Maildir
                                                           record   ◄── bounces, replies
     scheduler: only ticks; what is due is in the database

    sources/     where papers come from: what to ask for, and how to read the answer
    ingest/      fetches politely and makes one paper of many sightings
    ranking/     scores the day's papers against each subscriber's interests, and says why
    plan         who is due, which papers, frozen as a digest with its ledger row
    deliver/     claims, composes, passes the gate, sends, records the answer
    transports/  where mail goes
    inbound/     what comes back: bounces and complaints, to scores and suppressions

The stages meet only in the store, so each can be run by hand, killed, or moved to another
machine. What is due is in the database; the scheduler only ticks. Imports go down only:

    cli
    bench | web | scheduler | worker | receiver
    app                                   wiring; the only clock and source of randomness
    ingest | plan | deliver | inbound | subscribe | evaluate   shells: gather, decide, apply
    store | sources | transports | encoders | settings | shipped | secret | confinement
    compose | render | message | sign | tex | schedule | retry | throttle | links | bounces
    ranking
    domain
    errors
"""

__version__ = "0.1.0"
