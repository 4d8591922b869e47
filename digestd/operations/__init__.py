"""Answer what operators ask: the state of the service (`status`), and what is wrong with the installation (`doctor`).

status_reader   read the facts that service_status describes
doctor          run all probes side by side, each with a deadline
local_probes    files, secret key, database, sandbox, service
network_probes  relays, DNS, pages, clock, hosts of sources
name_lookups    look up what mail_dns wants to know
backup          copy the database, check the copy, rotate copies

What follows from the facts is decided by pure functions: service_status and mail_dns.
"""
