"""Logs of relays, as Postfix, Exim and Sendmail write them."""
