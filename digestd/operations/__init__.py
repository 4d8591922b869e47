"""Answer what operators ask: how the service fares (`status`), and what is wrong with the installation (`doctor`).

status          read the facts of domain/service_status
doctor          run all probes side by side, each with a deadline
local_probes    files, secret key, database, sandbox, service
network_probes  relays, DNS, pages, clock, hosts of sources
name_lookups    look up what domain/mail_dns wants to know

What follows from the facts is decided by pure functions in domain: service_status and mail_dns.
"""
