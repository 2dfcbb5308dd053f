"""Every knob: type, default and one line of doc, in one place; ``whosent config`` prints them."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta


class Ours(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What belongs to us; what is not said here is learnt and stated as an assumption."""

    domains: Annotated[tuple[str, ...], Meta(description="Mail domains that are ours.")] = ()
    networks: Annotated[
        tuple[str, ...], Meta(description="Networks that are ours, as CIDR; private ranges always are.")
    ] = ()
    mail_servers: Annotated[
        tuple[str, ...],
        Meta(description="Names our mail servers give themselves in Received lines; *.example.org for all below."),
    ] = ()
    authserv_ids: Annotated[
        tuple[str, ...],
        Meta(description="Names our border writes into Authentication-Results and strips from strangers' mail."),
    ] = ()
    relay_domains: Annotated[
        tuple[str, ...], Meta(description="Domains of others we are asked to relay to (backup MX, gateway).")
    ] = ()


class Logs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How log lines are read."""

    timezone: Annotated[
        str, Meta(description="IANA zone of time stamps without offset; empty: this machine's zone.")
    ] = ""
    year: Annotated[
        int,
        Meta(ge=0, le=9999, description="Year of the first stamp without year; 0: inferred from file times."),
    ] = 0
    geo_database: Annotated[
        str, Meta(description="MMDB file with countries or ASNs of login addresses; empty: networks only.")
    ] = ""


class Registries(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom ``trace --investigate`` asks."""

    rdap_bootstrap: Annotated[
        str, Meta(description="Web address of IANA's RDAP bootstrap files, or of a copy of your own.")
    ] = "https://data.iana.org/rdap"
    whois_server: Annotated[str, Meta(description="WHOIS server that refers to all others.")] = "whois.iana.org"
    dns_server: Annotated[
        str, Meta(description="Address of the resolver for --reach dns, its port behind #; empty: this machine's.")
    ] = ""
    blocklists: Annotated[
        tuple[str, ...], Meta(description="Zones of blocklists that --reach dns asks about addresses.")
    ] = ("zen.spamhaus.org", "bl.spamcop.net")


class Meter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The outcome meter."""

    caution: Annotated[
        float,
        Meta(ge=0, le=20, description="Nats above one false alarm a sender-year before anybody is accused."),
    ] = 2.0


class Reporting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who we are where a case is told to others."""

    organisation: Annotated[
        str, Meta(description="Name of our organisation in reports; empty: the contact's domain.")
    ] = ""
    contact: Annotated[
        str, Meta(description="Mail address that answers for reports; empty: no XARF and ARF are written.")
    ] = ""


class Audit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What ``audit`` probes, and how."""

    hosts: Annotated[
        tuple[str, ...],
        Meta(description="Our hosts that audit probes where none is named, such as mx.example.org; empty: this one."),
    ] = ()
    sink: Annotated[
        str,
        Meta(description="Host that runs `whosent sink`: a name that mail can be sent to, or an address; empty: none."),
    ] = ""
    sink_address: Annotated[
        str,
        Meta(description="Address of the sink, where its name is only known to the mail servers; empty: by its name."),
    ] = ""
    sink_key: Annotated[
        str, Meta(description="File with the key that prober and sink share; empty: sink.key in the state folder.")
    ] = ""
    sink_port: Annotated[int, Meta(ge=1, le=65535, description="TCP port at which the sink says what arrived.")] = 8025
    contact: Annotated[
        str, Meta(description="Whom probes name as contact; empty: postmaster at the first domain of ours.")
    ] = ""
    connections: Annotated[int, Meta(ge=1, le=50, description="Connections at once to one host.")] = 8
    mailbox: Annotated[
        str,
        Meta(description="Address of ours, forwarded to whosent-inbox at the sink; empty: no mail is sent in."),
    ] = ""
    smtp_users: Annotated[
        tuple[str, ...],
        Meta(description="Local users who may speak to port 25 of other hosts; root always may."),
    ] = ("postfix", "Debian-exim", "exim", "mailnull", "smmta", "smmsp", "qmailr", "_smtpd", "opensmtpd")
    relays: Annotated[
        tuple[str, ...],
        Meta(description="Our mail servers behind this gateway, as addresses or CIDR: they may speak to port 25."),
    ] = ()


class Watch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What ``watch`` follows, and what it keeps."""

    logs: Annotated[
        tuple[str, ...],
        Meta(description="Logs to follow: paths without the endings of rotation, or globs; empty: what is found here."),
    ] = ()
    lateness: Annotated[
        float,
        Meta(
            ge=0,
            le=86400,
            description="Seconds that a line may be written after its stamp; until then findings are provisional.",
        ),
    ] = 10.0
    journal: Annotated[
        Literal["auto", "yes", "no"],
        Meta(description="Follow the systemd journal: auto does where no log of mail is found."),
    ] = "auto"
    journal_matches: Annotated[
        tuple[str, ...], Meta(description="Arguments of journalctl that choose its entries.")
    ] = ("--facility=mail",)
    syslog_udp: Annotated[
        tuple[str, ...], Meta(description="Where syslog is received over UDP, such as 0.0.0.0:5514; may lose messages.")
    ] = ()
    syslog_tcp: Annotated[
        tuple[str, ...], Meta(description="Where syslog is received over TCP, such as 0.0.0.0:5514.")
    ] = ()
    syslog_socket: Annotated[
        str, Meta(description="Path of a datagram socket that this machine's syslog writes to; empty: none.")
    ] = ""
    syslog_from: Annotated[
        tuple[str, ...], Meta(description="Networks that may send syslog, as CIDR; the private ones unless set.")
    ] = ("127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fe80::/10")
    spool: Annotated[
        int,
        Meta(ge=1, le=100_000, description="Mebibytes of received syslog, and of the journal, that are kept."),
    ] = 1024
    rows_days: Annotated[
        int, Meta(ge=0, le=3650, description="Days that rows are kept for `whosent query`; 0: they are not.")
    ] = 30
    rates_days: Annotated[
        int, Meta(ge=7, le=3650, description="Days that counters by the minute are kept; their totals always are.")
    ] = 400
    save: Annotated[
        float,
        Meta(ge=0, le=3600, description="Seconds between two savings of the state; what was read since is read again."),
    ] = 30.0
    queue: Annotated[bool, Meta(description="Look at this machine's mail queues from time to time.")] = True
    queue_directories: Annotated[
        tuple[str, ...], Meta(description="Folders of these queues; empty: where mail servers have them.")
    ] = ()


class Sites(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Web sites of this machine."""

    web_roots: Annotated[
        tuple[str, ...], Meta(description="Folders whose scripts the check of forms reads; missing ones are no matter.")
    ] = (
        "/var/www",
        "/srv/www",
        "/srv/http",
        "/usr/lib/cgi-bin",
        "/usr/share/nginx/html",
        "/usr/local/www",
        "/home",
    )


class Identity(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who we are to other mail servers."""

    addresses: Annotated[
        tuple[str, ...],
        Meta(
            description="Addresses our mail leaves from; empty: this machine's public ones, else those SPF and MX name."
        ),
    ] = ()
    selectors: Annotated[
        tuple[str, ...], Meta(description="DKIM selectors we sign with; more are seen in signatures.")
    ] = ()
    samples: Annotated[
        tuple[str, ...], Meta(description="Files with messages we sent, whose DKIM signatures name selectors.")
    ] = ()
    abuse_contacts: Annotated[
        tuple[str, ...], Meta(description="Addresses where complaints reach us; ours by domain if not named.")
    ] = ()
    enrolled: Annotated[
        tuple[str, ...], Meta(description="Feedback loops and dashboards we are enrolled in, as audit names them.")
    ] = ()


class Listings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The check of blocklists."""

    more: Annotated[
        tuple[str, ...], Meta(description="Zones of lists of addresses to ask beside those Whosent knows.")
    ] = ()
    without: Annotated[tuple[str, ...], Meta(description="Zones not to ask.")] = ()


class Intake(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Complaints from an IMAP folder."""

    imap: Annotated[
        str, Meta(description="Folder that `complaint add` reads without arguments: imaps://USER@HOST/FOLDER.")
    ] = ""
    password_file: Annotated[str, Meta(description="File whose first line is the password of that server.")] = ""
    password_command: Annotated[
        tuple[str, ...], Meta(description="Program and arguments that print it, such as pass, show, imap; no shell.")
    ] = ()
    timeout: Annotated[
        float, Meta(ge=1, le=600, description="Seconds without an answer after which the server counts as gone.")
    ] = 30.0


class State(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is kept between runs."""

    folder: Annotated[
        str,
        Meta(description="Folder of the ledger; empty: /var/lib/whosent for root, else ~/.local/state/whosent (XDG)."),
    ] = ""


class Alerts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom ``watch`` tells, and how; see ``whosent alert test``."""

    channels: Annotated[
        tuple[str, ...],
        Meta(description="Channels in the order they are tried: apprise, webhook, syslog, command, mail; empty: none."),
    ] = ()
    copies: Annotated[
        int, Meta(ge=1, le=5, description="How many channels must have taken an alert before it counts as told.")
    ] = 1
    timeout: Annotated[int, Meta(ge=1, le=300, description="Seconds a channel has to take an alert.")] = 10
    pause: Annotated[
        int,
        Meta(
            ge=0, le=86400, description="Seconds before an incident that only grows is told again; states always are."
        ),
    ] = 600
    quiet: Annotated[
        int,
        Meta(ge=60, le=604800, description="Seconds without a sign after which an incident is told to have stopped."),
    ] = 3600
    at_once: Annotated[
        int,
        Meta(ge=1, le=100, description="New incidents told one by one at a time; of more, a summary is told."),
    ] = 5
    source_quiet: Annotated[
        int,
        Meta(
            ge=0,
            le=604800,
            description="Seconds a log may bring no line before that is told, unless it is usual for it; 0: never.",
        ),
    ] = 3600
    apprise: Annotated[
        tuple[str, ...],
        Meta(description="Apprise addresses (chat, telephone, ticket); file:/path reads one a line from a file."),
    ] = ()
    webhook_url: Annotated[str, Meta(description="Where alerts are posted as JSON.")] = ""
    webhook_secret: Annotated[
        str,
        Meta(description="Key that signs the posted JSON (Standard Webhooks, HMAC-SHA256); file:/path reads it there."),
    ] = ""
    syslog: Annotated[
        str, Meta(description="Where syslog is: a socket's path, or udp:host:port, or tcp:host:port.")
    ] = "/dev/log"
    command: Annotated[
        tuple[str, ...], Meta(description="Program and arguments that get each alert as JSON on standard input.")
    ] = ()
    mail_relay: Annotated[
        str, Meta(description="host:port of a mail relay that is not the watched server; port 465 means TLS at once.")
    ] = ""
    mail_to: Annotated[tuple[str, ...], Meta(description="Addresses that are told by mail, of other servers.")] = ()
    mail_from: Annotated[str, Meta(description="Sender of these mails; empty: the first of mail_to.")] = ""
    mail_tls: Annotated[
        bool, Meta(description="Speak to the relay only under TLS with a certificate that is in order.")
    ] = True
    mail_user: Annotated[str, Meta(description="Login at the relay; empty: none.")] = ""
    mail_password: Annotated[str, Meta(description="Its password; file:/path reads it there.")] = ""
    mail_through_watched: Annotated[
        bool, Meta(description="Allow a relay that is this machine or one whose logs are watched.")
    ] = False


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How others learn that Whosent is alive: they tell somebody when it falls silent."""

    file: Annotated[str, Meta(description="File that is touched while all is well; empty: none.")] = ""
    url: Annotated[
        str, Meta(description="Web address that is asked while all is well (healthchecks and the like); empty: none.")
    ] = ""
    every: Annotated[int, Meta(ge=5, le=86400, description="Seconds between two beats.")] = 60
    silent: Annotated[
        int, Meta(ge=15, le=604800, description="Seconds without a beat after which `whosent alert check` tells.")
    ] = 300


class Metrics(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Numbers for Prometheus; no name of an account, address or stranger is among them."""

    listen: Annotated[str, Meta(description="address:port where `watch` answers Prometheus; empty: nowhere.")] = ""
    textfile: Annotated[
        str, Meta(description="File for node_exporter's textfile collector, written by `watch`; empty: none.")
    ] = ""
    every: Annotated[int, Meta(ge=1, le=3600, description="Seconds between two writings of the textfile.")] = 15
    hosts: Annotated[int, Meta(ge=1, le=1000, description="Hosts counted by name; the others together.")] = 32


class Containment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Stopping a suspect's mail, by hand or by standing order."""

    folder: Annotated[
        str, Meta(description="Folder of root's own in which the keeper remembers what it held and purged.")
    ] = "/var/lib/whosent-keeper"
    keeper: Annotated[
        str, Meta(description="How a user who is not root calls the keeper; its order is put behind.")
    ] = "sudo -n whosent-keeper"
    hours: Annotated[
        int, Meta(ge=0, le=8760, description="Hours after which a tap opens by itself; 0: it stays closed.")
    ] = 24
    administrators: Annotated[
        tuple[str, ...],
        Meta(description="Whom a contained user can still write to; empty: postmaster and abuse of this server."),
    ] = ()
    order: Annotated[
        Literal["observe", "propose", "contain"],
        Meta(description="What is done about a new incident without asking: nothing, an alert with the command, or"
             " the command itself (only after `whosent replay`)."),
    ] = "observe"  # fmt: skip
    order_kinds: Annotated[
        tuple[str, ...], Meta(description="Kinds of suspects that a standing order may contain.")
    ] = ("account", "script", "form")
    order_recipients: Annotated[
        int, Meta(ge=1, description="Recipients that an incident must have before a standing order acts.")
    ] = 50
    order_a_day: Annotated[
        int, Meta(ge=1, le=1000, description="Suspects that standing orders contain at most in 24 hours.")
    ] = 3
    untouchables: Annotated[
        tuple[str, ...], Meta(description="Accounts, addresses, scripts, users that no standing order ever touches.")
    ] = ()
    contain_account: Annotated[
        str, Meta(description="Your own command against an account, without a shell; {name} stands for it.")
    ] = ""
    release_account: Annotated[str, Meta(description="What takes contain_account back.")] = ""
    contain_script: Annotated[
        str, Meta(description="Your own command against a script or form, without a shell; {name} stands for it.")
    ] = ""
    release_script: Annotated[str, Meta(description="What takes contain_script back.")] = ""
    contain_host: Annotated[
        str, Meta(description="Your own command against a host, without a shell; {name} stands for its address.")
    ] = ""
    release_host: Annotated[str, Meta(description="What takes contain_host back.")] = ""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings; an empty file is a complete configuration."""

    ours: Ours = Ours()
    logs: Logs = Logs()
    meter: Meter = Meter()
    registries: Registries = Registries()
    intake: Intake = Intake()
    reporting: Reporting = Reporting()
    audit: Audit = Audit()
    sites: Sites = Sites()
    identity: Identity = Identity()
    listings: Listings = Listings()
    state: State = State()
    containment: Containment = Containment()
    alerts: Alerts = Alerts()
    heartbeat: Heartbeat = Heartbeat()
    metrics: Metrics = Metrics()
    watch: Watch = Watch()
