"""Classify failures by their codes and words: what servers say, and what it means for the address.

Only failures of the mailbox itself are hard. A refusal because of the sender, the content or the connection is no
reason never to write again (RFC 3463 section 3.8).

One line per pattern: codes, words, kind, example, source. The first line that fits decides, so specific lines come
first:

    1  words that mean something else than the code beside them
    2  the mailbox is full
    3  the refusal is about the sender: blocklists, reputation, missing PTR, authentication, pace, content
    4  no such mailbox or domain
    5  codes of RFC 3463 without telling words
    6  vague words

A line of kind `hard` counts as soft if the reply is temporary (4xx, 4.x.x). To add a line, put it into its section with
an example as a server would write it: `tests/bounces/test_rules.py` checks that each example is decided by its own line.
"""

# ruff: noqa: E501 - one line per rule

import re
from functools import cache
from typing import NamedTuple

from digestd.domain.bounce import BounceKind

HARD, SOFT, POLICY = BounceKind.HARD, BounceKind.SOFT, BounceKind.POLICY


class BounceRule(NamedTuple):
    """One line of the table.

    Attributes:
        codes: Enhanced status codes (RFC 3463) or SMTP reply codes, separated by spaces. `x` stands for any number.
            "" fits any reply.
        words: Regular expression for the reply in lower case, with addresses replaced by `<>`. `WHO` stands for any word
            that names a mailbox, `~` for up to 40 characters. Words begin where a word begins. "" fits any reply.
        example: A reply that this line decides.
        source: Documentation of the meaning, or where replies of this form were seen.
    """

    codes: str
    words: str
    kind: BounceKind
    example: str
    source: str


WHO = r"(user|recipient|rcpt|address|account|mail[ -]?box|alias|addressee|customer|person|destination|e-?mail)(es|s|\(s\))?"
START = r"(?<![a-z])"
GAP = rf".{{0,40}}{START}"

# Sources
AOL = "AOL postmaster, error codes"
DOCOMO = "seen in sisimai, set-of-emails: NTT docomo, which accepts the mailbox and refuses the message"
COX = "Cox, e-mail error codes"
DNSBL = "RFC 5782, blocklists"
EXCHANGE = "NDR error codes in Exchange Online, learn.microsoft.com"
EXIM = "Exim, bounce messages"
FACEBOOK = "Facebook postmaster, response codes"
GMAIL = "Gmail SMTP errors and codes, support.google.com/a/answer/3726730"
GODADDY = "GoDaddy, SMTP error codes"
GMX = "GMX and web.de postmaster, SMTP error messages"
GROUPS = "Google Groups, delivery failure"
LAPOSTE = "La Poste, SMTP error codes (LPN)"
LOTUS = "Lotus Domino, delivery failure report"
ORANGE = "Orange, SMTP error codes (OFR)"
OUTLOOK = "Outlook.com postmaster, SMTP error codes"
PHP = "seen in PHP-Bounce-Handler, sample mails"
POSTFIX = "Postfix, smtp(8), smtpd(8), access(5)"
QMAIL = "qmail, qmail-send(8), qmail-remote(8)"
RFC3463 = "RFC 3463 section 3"
RFC5321 = "RFC 5321 section 4.2.3"
RFC7505 = "RFC 7505 section 4"
SENDER = "mail providers as relays: the account or domain of the sender"
SENDMAIL = "Sendmail, DSN transcript"
SISIMAI = "seen in sisimai, set-of-emails"
TONLINE = "T-Online postmaster, error 554 IP="
TENCENT = "Tencent QQ, SMTP error codes"
YAHOO = "Yahoo sender hub, SMTP error codes"
ZONEMTA = "seen in ZoneMTA, bounce rules"

# fmt: off
_MISLEADING_CODE = (
    ("",            r"retry time(out)?\b|(connection|operation) timed out", SOFT,  "an undisclosed address (generated from a@example.net) retry timeout exceeded", EXIM),
    ("",            r"receiving ((e-?)?mails?|messages?) (too quickly|at a rate)|rate that prevents", SOFT, "550-5.2.1 The user you are trying to contact is receiving mail at a rate that 550-5.2.1 prevents", GMAIL),
    ("",            r"receive limit|exceeded ~limit for receiving",         SOFT,   "550 5.2.122 The recipient has exceeded their limit for receiving messages per hour", EXCHANGE),
    ("5.7.x",       r"unknown address error",                               POLICY, "smtp; 5.1.0 - Unknown address error 550-'5.7.1 <a@example.net>... Access denied'", SISIMAI),
    ("",            r"(can(no|')t|could(n't| not)|unable to) (create|open|write|append|lock|rename|update)|maildir delivery failed", SOFT, "x-unix; procmail: couldn't create \"/var/spool/mail/ada\" id: example.net: No such user", SISIMAI),
    ("",            r"(not found|name service error).{0,80}try again",      SOFT,   "Name service error for domain example.net: Host not found, try again", POSTFIX),
    ("",            r"unverified address.{0,120}(timeout|refused|unreachable|try again|in progress)", SOFT, "550 5.1.1 <a@example.net>: Recipient address rejected: unverified address: Address verification in progress", POSTFIX),
    ("",            r"too many hops|hop count|exceeded \d+ hops",           SOFT,   "554 5.4.6 Too many hops, user unknown", RFC3463),
    ("",            r"(mail|message|routing)[ -]?loop|loops? back",                 SOFT,   "554 5.4.6 Mail for example.net loops back to myself", POSTFIX),
    ("",            r"temporar(y|ily) (locked|disabled|suspended|inactive|over quota|full)", SOFT, "550 5.7.1 <a@example.net>: Recipient address rejected: user temporarily locked", SISIMAI),
    ("",            r"dns error when resolving",                            SOFT,   "550 DNS error when resolving MX server for example.net: Domain name not found", ZONEMTA),
    ("",            r"(unknown|no such) user.{0,80}in reply to end of data", SOFT,  "550 Unknown user a@example.net (in reply to end of DATA command)", DOCOMO),
    ("",            r"mail ?box unavailable.{0,60}(reject due|polic|invalid|dns|sender)", POLICY, "550-Requested action not taken: mailbox unavailable 550-Reject due to policy restrictions", GMX),
    ("5.4.1",       r"all recipient addresses rejected",                    POLICY, "550 5.4.1 All recipient addresses rejected: Access denied", SISIMAI),
    ("5.4.1",       r"recipient address rejected ?: access denied",         HARD,   "550 5.4.1 Recipient address rejected: Access denied [DB.eop-eur01.prod.protection.outlook.com]", EXCHANGE),
    ("5.7.504",     r"",                                                    HARD,   "550 5.7.504 [a@example.net]: Recipient address rejected: Access denied", EXCHANGE),
)
_FULL = (
    ("",            r"(relay|daily|hourly|sending|outbound) .{0,20}(quota|limit)", POLICY, "554 You have reached your daily relay quota", EXIM),
    ("",            r"over ?-?(\w+ ){0,2}quota|overdrawn|exceed~quota|(disk )?quota ?(exceed|full|violat|reached)|quota~(exceed|full|violat|reached)", SOFT, "552-5.2.2 The email account that you tried to reach is over quota", GMAIL),
    ("",            r"(WHO|inbox|folder|storage|spool|mail ?drop)~\bfull\b|\bfull (mail[ -]?box|inbox)", SOFT, "550 5.1.1 <a@example.net>: the mailbox is full", RFC5321),
    ("",            r"exceeded storage|(mail[ -]?box|user|inbox)~exceed|(maildir|mail[ -]?box)~file too large", SOFT,   "552 Requested mail action aborted: exceeded storage allocation", RFC5321),
    ("",            r"(not enough|insufficient|no|out of) (\w+ )?(space|storage|resources)|disk (is )?full", SOFT, "452 4.3.1 Insufficient disk space", RFC5321),
    ("",            r"too (many messages (in|on)|much mail data)|number of messages in ~(mail[ -]?box|exceed)", SOFT, "550 The user has too many messages on the server", SISIMAI),
    ("",            r"(casilla|buz[oó]n|mail ?box|casella|caixa)~(llen[oa]|pien[oa]|chei[oa]|agotado)", SOFT, "550 Destinatario desconocido o mailbox lleno", PHP),
    ("",            r"bo[iî]te ~pleine|(postfach|postbus)~voll?\b|voll?e?s? post(fach|bus)|переполнен|przepełnion|已满|空间不足|いっぱい|容量", SOFT, "552 5.1.1 Boite du destinataire pleine. OFR_417", ORANGE),
)
_SENDER = (
    ("",            r"spamhaus|spamcop|sorbs|barracuda(central|networks)|uribl|surbl|senderbase|spamrl|mail-abuse", POLICY, "553 5.1.1 http://www.spamhaus.org/query/bl?ip=192.0.2.1", DNSBL),
    ("",            r"cloudmark|invaluement|hostkarma|junkemailfilter|uceprotect|proofpoint", POLICY, "550 192.0.2.1 see https://ipcheck.proofpoint.com", ZONEMTA),
    ("",            r"dnsbl|\brbl",                                         POLICY, "550 Rejected due to DNSBL response", DNSBL),
    ("",            r"(black|block|deny)[ -]?list|\bbann?ed\b",             POLICY, "550 5.1.1 IP address blacklisted by recipient, user unknown", DNSBL),
    ("",            r"(?<!not )listed (at|in|on|by) ",                      POLICY, "550 5.1.1 192.0.2.1 is listed at lists.example.net", DNSBL),
    ("",            r"\b(dy|ou|sc|rp)-00\d\b|\(s3\d{3}\)",                  POLICY, "550 SC-004 Unfortunately, messages from 192.0.2.1 weren't sent", OUTLOOK),
    ("",            r"\[(tss?|bl|ph|iptr?)\d{2}|\bvs1-(ip|mf)\b|\(au01\)",  POLICY, "421 4.7.0 [TSS04] Messages from 192.0.2.1 deferred", YAHOO),
    ("",            r"\b(rtr|rly|hvu|con|dyn|mff|dmarc):[a-z]{1,2}\d?\b",   POLICY, "554 RLY:B1 https://postmaster.aol.com", AOL),
    ("",            r"\bofr\d* (1\d\d|50\d)",                               POLICY, "550 5.2.0 Mail rejete. OFR_506", ORANGE),
    ("",            r"\blpn\d* 1\d\d",                                      POLICY, "550 5.5.0 Service refuse. LPN001_108", LAPOSTE),
    ("",            r"\baup#|\bcdrbl",                                      POLICY, "550 5.1.0 <a@example.org> refer to AUP#POL", COX),
    ("",            r"\bib\d{3}\b",                                         POLICY, "550 5.1.1 <a@example.net> see IB607", GODADDY),
    ("",            r"groups\.google\.com|permission to post|to this (group|list)\b", POLICY, "The group you tried to contact may not exist, or you may not have permission to post messages to it", GROUPS),
    ("",            r"only (list )?members|members[ -]only|not (a )?(list )?member of (this|the|our) (mailing )?list", POLICY, "550 This list accepts mail of members only", SISIMAI),
    ("",            r"recipient preferences",                               POLICY, "550 5.1.1 RCP-P2 Refused due to recipient preferences", FACEBOOK),
    ("",            r"(rejected|blocked|refused|denied) by (the |this )?(user|recipient)\b(?! domain)|user reject", POLICY, "550 5.1.2 User reject", SISIMAI),
    ("",            r"reputation|complaints?\b|suspicious|phish",           POLICY, "451 4.7.650 The mail server has been rate limited due to IP reputation", EXCHANGE),
    ("",            r"\bspam|unsolicited|\bube\b|junk ?mail|bulk mail",     POLICY, "550 5.1.1 Message rejected as spam, user unknown", GMAIL),
    ("",            r"requires confirmation|ask your postmaster for help",  POLICY, "554 IP=192.0.2.1 - A problem occurred. (Ask your postmaster for help)", TONLINE),
    ("",            r"not accept(ing)? (e-?)?mails? (with|from|containing)", POLICY, "They are not accepting mail with attachments or embedded images", AOL),
    ("",            r"protocol (violation|error)|(before greeting|pipelining)", POLICY, "550 Protocol violation", SISIMAI),
    ("5xx 5.x.x",   r"my name was rejected",                                POLICY, "Connected to 192.0.2.9 but my name was rejected. Remote host said: 501 Invalid domain name", QMAIL),
    ("",            r"blocked for abuse|bounce attack",                     POLICY, "550 Suspected bounce attacks", TENCENT),
    ("",            r"virus(es)?\b~(detect|found|reject)|(contains?|due to|with) .{0,20}virus", POLICY, "550 5.7.0 Virus detected in message", RFC3463),
    ("",            r"malware|\binfected|potential security issue",         POLICY, "552-5.7.0 This message was blocked because its content presents a potential security issue", GMAIL),
    ("",            r"\bspf\b|dkim|dmarc|sender id\b",                      POLICY, "550-5.7.26 This mail is not accepted due to domain's DMARC policy", GMAIL),
    ("",            r"authenticat|starttls|tls\b|certificate|resolver\.rst\.",            POLICY, "530 5.7.57 Client not authenticated to send mail", EXCHANGE),
    ("",            r"\bptr\b|reverse.{0,12}(dns|lookup|host|address|mapping)|\brdns\b", POLICY, "550-5.7.25 The IP address sending this message does not have a PTR record", GMAIL),
    ("",            r"ip name lookup|dns check fail|mismatches client ip|valid sender domain", POLICY, "450 4.7.1 Access denied. IP name lookup failed [192.0.2.1]", SENDMAIL),
    ("",            r"\b(helo|ehlo)\b.{0,60}(reject|invalid|denied|require|mismatch|not )", POLICY, "504 5.5.2 <mx>: Helo command rejected: need a full host name", POSTFIX),
    ("",            r"(sender|mail from|return.?path|envelope from)( (address|domain|ip|host|server|email))?( <>)?( is| was)?:? ?(reject|den(y|ied)|refus|block|invalid|unknown|verif|not |does ?n|unresolv|bad|illegal|undeliver)", POLICY, "501 5.1.8 Sender address rejected: Domain not found", POSTFIX),
    ("",            r"(domain|address) of sender|sender'?s? (domain|address) ", POLICY, "553 5.1.0 <a@example.org>... domain of sender is missing", SENDMAIL),
    ("",            r"(invalid|bad|unknown|unverified|illegal|blocked) sender|unresolvable~domain", POLICY, "550 Mail refused: unknown sender", SISIMAI),
    ("",            r"\b(your|sending|sender'?s?) (account|domain|plan|subscription)\b", POLICY, "550 5.1.1 Your account is suspended", SENDER),
    ("",            r"not allowed to send|mail from is mismatched",                                 POLICY, "550 5.1.0 192.0.2.1 is not allowed to send from <example.org>", SISIMAI),
    ("5.1.7 5.1.8", r"",                                                    POLICY, "550 5.1.7 No such domain example.org", RFC3463),
    ("5xx 5.x.x",   r"after (initial connection|(pipelined )?(helo|ehlo|mail from))", POLICY, "SMTP error from remote mail server after MAIL FROM:<a@example.org>: 553 5.1.0 example.org does not exist", EXIM),
    ("5xx 5.x.x",   r"in reply to (mail from|helo|ehlo)|refused to talk to me", POLICY, "host mx.example.net refused to talk to me: 550 unknown user", POSTFIX),
    ("5xx 5.x.x",   r"did(n't| not) like our (helo|ehlo|mail)|does not like sender|\[mail_from\]|>>> mail from:.{0,60}<<< 5", POLICY, "mx.example.net did not like our MAIL FROM: 550 5.1.1 example.org does not exist", QMAIL),
    ("",            r"\b(your|the|this|source|sending|sender|client|connecting|invalid|bad) (smtp )?(ip|host|mail ?server|server|network|country|region)\b.{0,60}(block|reject|refus|den(y|ied)|forbid|not (allow|accept|permit))", POLICY, "554 5.7.1 <mx.example.org[192.0.2.1]>: Client host rejected: user unknown", POSTFIX),
    ("",            r"(bad|invalid|blocked|bloqu).{0,10}\bip\b|\bip\b~(block|denied|bloqu|forbid|bad|reject)|by your ip", POLICY, "554 Access forbidden by your IP 192.0.2.1", SISIMAI),
    ("",            r"(not|n't) accept(ed|ing)? connections|not (be )?(accepting|allowed to) connect|connections? ~not (be )?accepted", POLICY, "554 mx.example.net ESMTP not accepting connections", SISIMAI),
    ("",            r"relay(ing)? (access )?(denied|not|is not|prohibited)|(to|not?|not a|no|open) relay(ing)?\b|rcpthosts", POLICY, "554 5.7.1 <a@example.net>: Relay access denied", POSTFIX),
    ("",            r"too (many|much) (\w+ )?(connections?|sessions?|recipients?|commands?|errors?|messages?|mails?|users?|load)", POLICY, "550 5.1.1 192.0.2.1 has sent to too many recipients this hour", YAHOO),
    ("",            r"rate[ -]?limit|throttl|too frequent|frequency|slow(er)? ?down|try again slower|unexpected volume|unusual (rate|traffic)", POLICY, "421 4.7.28 There is an unusual rate of mail from your IP address", GMAIL),
    ("",            r"grey ?-?list|(temporarily|permanently) deferred",     POLICY, "450 4.2.0 <a@example.net>: Recipient address rejected: Greylisted", POSTFIX),
    ("",            r"(message|mail|size|line|header|data|body|it)s?( is| was| are)? too (large|big|long)", POLICY, "552 5.3.4 Message too big for system", RFC3463),
    ("",            r"(size|length|line)s?.{0,20}(exceed|limit)|exceeds?~\bsize|maximum.{0,20}size", POLICY, "500 Line limit exceeded", EXIM),
    ("",            r"(not|non|must be|against).{0,12}\brfc\b~compl|rfcmessagenoncompliant", POLICY, "550-5.7.1 This message is not RFC 5322 compliant", GMAIL),
    ("",            r"(duplicate|multiple|improper|malformed|invalid|missing|8-bit)~header|header~(error|contains|malformed)|failing address in|multiple addresses in from", POLICY, "554 Transaction failed: Duplicate header 'Date'", YAHOO),
    ("",            r"malformed (mime|message|mail|header|body)|poison",    POLICY, "554 5.6.0 Malformed message", RFC3463),
    ("",            r"(content|header|message).{0,20}filter|content (was )?reject|message content|url in message", POLICY, "550 5.2.1 Content filter agent quarantined this message", EXCHANGE),
    ("",            r"(forbid|block|reject|invalid|not allow)~attachment|attachment~(forbid|block|reject|not allow)", POLICY, "550 Attachment extension is forbidden", TENCENT),
)
_GONE = (
    ("",            r"WHO( (address|name|id|part))?( <>)?,?( is| was| are| were|:)* ?unknown", HARD, "550 5.7.1 <a@example.net>: Recipient address rejected: User unknown in virtual mailbox table", POSTFIX),
    ("",            r"WHO( (address|name|id|part))?( <>)?,?( is| was| are| were| has| been)* (not (be )?(found|known|recogni[sz]ed|listed|valid|registered)|non-?exist|invalid|incorrect|unrecogni[sz]ed)", HARD, "550 MAILBOX NOT FOUND", AOL),
    ("",            r"(address|recipient|<>)( <>)? (couldn't|could not|can ?not|can't|wasn't|has not)( been| be)? (found|located)", HARD, "ada wasn't found: the address couldn't be found", GMAIL),
    ("",            r"(unknown|no such|non-?existent|not an? (valid|known|active)) (or \w+ )?(\w+ )?(WHO|local[- ]part|name|subscriber|id|login)\b", HARD, "550 No such user here", RFC5321),
    ("",            r"(invalid|illegal|incorrect|bad|malformed|unrecogni[sz]ed|undeliverable) (or \w+ )?(\w+ )?(recipient|destination|mail[ -]?box|user|address|alias|account)(?! syntax)", HARD, "553 Invalid recipient a@example.net (Mode: normal)", SISIMAI),
    ("",            r"(WHO|name|reach|<>|\]).{0,20} (does|do|did)( not|n't) exist|not exist(s|ing)?\b", HARD, "550-5.1.1 The email account that you tried to reach does not exist", GMAIL),
    ("",            r"does( not|n't) have an? .{0,60}(account|mail[ -]?box)", HARD, "554 delivery error: dd This user doesn't have an example.net account", YAHOO),
    ("",            r"(user|recipient|address|account|mail[ -]?box)(\(s\)|s)?( <>)?( [\w'-]+){0,6} (disabled|inactive|deactivated|closed|deleted|terminated|suspended|cancel+ed|discontinued|not active|no longer)\b", HARD, "550 5.2.1 The email account that you tried to reach is disabled", GMAIL),
    ("",            r"(account|mail[ -]?box)( \w+){0,4} expired",          HARD,   "550 5.7.1 This account has expired", SISIMAI),
    ("",            r"(inactive|deactivated|disabled|expired|closed|deleted|suspended) (e-?mail |mail )?WHO", HARD, "554 5.2.1 Inactive user", ZONEMTA),
    ("",            r"no longer (valid|on (this )?server|accepts (e-?)?mail|works? (here|for|at))|no ((user|account) (by|with|here)|mail[ -]?box)|no ?(one|body) (here )?(by|with)|does( not|n't) work (here|for)|left (the|our) (company|organi[sz]ation)", HARD, "550 5.7.1 No mailbox here by that name", QMAIL),
    ("",            r"not (our (user|customer)|(a )?local user|(a )?user of)|user not local|deactivated|does not have a final", HARD, "551 not our customer", SISIMAI),
    ("",            r"reserved by rfc",                                     HARD,   "550 5.1.4 Destination reserved by RFC 2606", EXCHANGE),
    ("",            r"not (listed |present )?in (the |our )?~(address book|directory)|no matches to nameserver|not know this user|find an account|final delivery userid", HARD, "Ada not listed in public Name & Address Book", LOTUS),
    ("",            r"WHO ~(has (been )?(moved|replaced)|changed)|no forwarding", HARD, "550 5.1.6 address <a@example.net> has been replaced by <b@example.net>", RFC3463),
    ("5xx 5.x.x",   r"(mail[ -]?box|account|address|recipient|user) (is )?(un|not )available", HARD, "550 5.5.0 Requested action not taken: mailbox unavailable", OUTLOOK),
    ("550",         r"(recipient|address) (address )?rejected\.?( <>)?( \(|$)",   HARD,   "550 <a@example.net>: Recipient address rejected.", SISIMAI),
    ("542",         r"<> rejected",                                         HARD,   "smtp; 542 a@example.net Rejected", SISIMAI),
    ("",            r"no such (host|domain)|unknown (host|domain)|nxdomain|unrout(e)?able", HARD, "550 5.2.1 No such domain here", EXIM),
    ("",            r"(host|domain)( name)?( [a-z0-9.-]+)?( is| was)? (unknown|not found|nonexist)|domain is not reachable|find any host|(name or service|servname provided, or) not known|non-existent hosts?\b|illegal host/domain", HARD, "Host or domain name not found. Name service error for name=example.net type=A: Host not found", POSTFIX),
    ("",            r"(mail|domain|host).{0,20}does( not|n't) exist",       HARD,   "The domain example.net doesn't exist", SISIMAI),
    ("5.4.4",       r"invalid domain",                                      HARD,   "550 5.4.4 Invalid domain", SISIMAI),
    ("",            r"null mx|no (mail|smtp) service|(host|domain|server) ~does( not|n't) (accept|receive) (any )?(e-?)?mail", HARD, "556 5.1.10 example.net does not accept mail (null MX)", RFC7505),
    ("",            r"n'existe pas|introuvable|(destinataire\w*|utilisateur|adresse) (invalide|inconnu)", HARD, "550 5.7.1 Adresse d'au moins un destinataire invalide", ORANGE),
    ("",            r"sconosciut[oa]|impossibile trovare|in[ae]sistente|inexistente|descon(oc|hec)id[oa]|(no|n[aã]o) existe|no se encuentra|casilla ha expirado", HARD, "550 Usuario desconocido", SISIMAI),
    ("",            r"unbekannt|existiert nicht|onbekend|bestaat niet|nie (istnieje|ma takiego)|neexistuje|не (существует|найден)|(finns|findes|finnes) (inte|ikke)", HARD, "550 Der Empfänger existiert nicht", SISIMAI),
    ("",            r"不存在|存在しません|見つかりません|존재하지 않",                      HARD,   "550 用户不存在", SISIMAI),
)
_CODES = (
    ("5.1.1 5.1.2 5.1.3 5.1.6", r"",                                        HARD,   "550 5.1.1 <a@example.net>", RFC3463),
    ("5.1.10",      r"",                                                    HARD,   "550 5.1.10 RESOLVER.ADR.RecipientNotFound", EXCHANGE),
    ("5.1.351",     r"",                                                    HARD,   "550 5.1.351 Remote server returned an error", EXCHANGE),
    ("5.2.1",       r"",                                                    HARD,   "550 5.2.1 <a@example.net>", RFC3463),
    ("x.2.2",       r"",                                                    SOFT,   "452 4.2.2 later", RFC3463),
    ("x.5.x x.6.x x.7.x", r"",                                              POLICY, "550 5.7.1 no", RFC3463),
    ("x.2.3 x.2.4 5.3.4", r"",                                              POLICY, "552 5.2.3 no", RFC3463),
    ("551",         r"",                                                    HARD,   "551 please try another path", RFC5321),
    ("4.x.x 5.3.x 5.4.x", r"",                                              SOFT,   "451 4.3.0 denied for now", RFC3463),
)
_VAGUE = (
    ("",            r"connection (refused|timed out|reset|dropped|closed|lost)|timed? ?-?out|unreachable|no route to host", SOFT, "connect to mx.example.net[192.0.2.9]:25: Connection refused", POSTFIX),
    ("",            r"(queue|retry|tried).{0,20}too long|(message|delivery|envelope|time) .{0,20}expired|not reachable within", SOFT, "I'm not going to try again; this message has been in the queue too long", QMAIL),
    ("",            r"block|denied|polic(y|ies)|reject|refus|forbid|prohibit|not (allowed|permitted|authori[sz]ed|accepted)|invalid ip", POLICY, "550 Denied by policy", SISIMAI),
    ("552",         r"",                                                    SOFT,   "552 no", RFC5321),
)
# fmt: on

RULES: tuple[BounceRule, ...] = tuple(
    BounceRule(*line) for section in (_MISLEADING_CODE, _FULL, _SENDER, _GONE, _CODES, _VAGUE) for line in section
)

WORDS_MAX = 4_000
_CODE = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_REPLY_CODE = re.compile(r"(?<![\d.:/\[-])[45]\d\d(?=[ :\]-])")
_CONTINUED = re.compile(r"(?<=\S)\s[45]\d\d-(?:[45]\.\d{1,3}\.\d{1,3})?\s+")
_ADDRESS = re.compile(r"(?:[<(\[] ?)?[^\s<>@(\[]{1,100}@[^\s<>@,;:)\]]{1,255}(?: ?[>)\]])?")


def status_in(words: str) -> str:
    """Return the first specific RFC 3463 failure status in free text, else the first unspecific one, or empty."""
    found = _statuses(words)
    return next((code for code in found if not code.endswith(".0.0")), found[0] if found else "")


def kind_of(status: str, *texts: str) -> BounceKind:
    """Return whether a failure is hard, soft or policy.

    A code in the text counts more than the status field, and one that says nothing (x.0.0) not at all.

    Args:
        status: the code as reported, or empty.
        texts: the words of the reply; further texts are asked if the ones before them tell nothing.
    """
    for text in texts or ("",):
        rule = find_rule(status, text)
        if rule is not None:
            is_temporary = rule.kind is BounceKind.HARD and _is_temporary(_codes(status, text[:WORDS_MAX]))
            return BounceKind.SOFT if is_temporary else rule.kind
    return BounceKind.SOFT


def find_rule(status: str, text: str) -> BounceRule | None:
    """Return the line of the table that decides, or None if nothing is known about such a reply."""
    text = text[:WORDS_MAX]
    codes, words = _codes(status, text), _normalise(text)
    return next((rule for rule in RULES if _fits(rule, codes, words)), None)


def names_failure(text: str) -> bool:
    """Return True if the words alone tell that the mailbox is full or does not exist."""
    words = _normalise(text[:WORDS_MAX])
    return any(not codes and _words_pattern(found).search(words) for codes, found, *_ in (*_FULL, *_GONE))


def _fits(rule: BounceRule, codes: frozenset[str], words: str) -> bool:
    if rule.codes and not any(_codes_pattern(rule.codes).fullmatch(code) for code in codes):
        return False
    return not rule.words or _words_pattern(rule.words).search(words) is not None


@cache
def _codes_pattern(codes: str) -> re.Pattern[str]:
    patterns = (re.escape(code).replace("x", r"\d+" if "." in code else r"\d") for code in codes.split())
    return re.compile("|".join(patterns))


@cache
def _words_pattern(words: str) -> re.Pattern[str]:
    return re.compile(f"{START}(?:{words.replace('WHO', WHO).replace('~', GAP)})")


def _codes(status: str, text: str) -> frozenset[str]:
    """Return the codes that count: specific ones in the text, else the status field; and the text's reply codes."""
    replies = _REPLY_CODE.findall(text)
    for given in (_statuses(text), _statuses(status)):
        specific = [code for code in given if not code.endswith(".0.0")]
        if specific:
            return frozenset(specific) | frozenset(replies)
    return frozenset(replies or _statuses(text) or _statuses(status))


def _is_temporary(codes: frozenset[str]) -> bool:
    enhanced = {code for code in codes if "." in code} or codes
    return bool(enhanced) and all(code.startswith("4") for code in enhanced)


def _normalise(text: str) -> str:
    """Return lower-case words on one line, without marks of continued replies and with addresses as `<>`."""
    return _ADDRESS.sub("<>", " ".join(_CONTINUED.sub(" ", text).lower().replace("’", "'").replace("_", " ").split()))


def _statuses(text: str) -> list[str]:
    return [".".join(found.groups()) for found in _CODE.finditer(text[:WORDS_MAX]) if found[1] != "2"]
