"""Log lines as a client reads them back, and the senders that the stories start."""

import json
import shutil
import subprocess
from urllib.parse import urlencode

from .process import Process
from .wait import wait_for

# What a log line may hold and a careless one would lose.
TEXTS = [
    "plain words",
    "Grüße, 日本語, русский, עברית",
    "emoji 🚀 and 👩‍👩‍👧‍👦 together",
    'quotes " and \\ backslashes, %d and $HOME',
    "a ]] bracket, <angle> & ampersand; 'single'",
]
LONG = "0123456789abcdef" * 6400  # 102,400 bytes
LINES = "first line\n  second, indented\n\nfourth"


def search(client, limit=200, **filters):
    """One page of the account's lines, newest first."""
    return client.get(f"{client.base()}/logs?{urlencode({'limit': limit, **filters})}")


def export(client, **filters):
    """All lines, as application/x-ndjson streams them."""
    query = urlencode({"from": "2000-01-01T00:00:00Z", **filters})
    reply = client.get(f"{client.base()}/logs?{query}", {"Accept": "application/x-ndjson"})
    assert reply.status == 200, reply
    return [json.loads(line) for line in reply.body.splitlines() if line]


def bodies(client, **filters):
    return sorted(str(line.get("body")) for line in export(client, **filters))


def wait_bodies(client, expected, deadline_s=30, **filters):
    """Until the account's lines have exactly these bodies, once each."""
    expected = sorted(expected)

    def same():
        found = bodies(client, **filters)
        if found == expected:
            return True
        missing = [text[:80] for text in expected if text not in found]
        more = [text[:80] for text in found if text not in expected]
        raise AssertionError(
            f"{len(found)} of {len(expected)}; missing {missing[:3]}; unexpected {more[:3]}"
        )

    return wait_for(same, "the lines to be readable as they were sent", deadline_s, 0.1)


class Rsyslog(Process):
    """rsyslogd that forwards what it gets on a socket of its own. options: of omfwd."""

    def __init__(self, folder, port, options, name="rsyslogd"):
        folder.mkdir(parents=True, exist_ok=True)
        self.socket = folder / "in.sock"
        config = folder / "rsyslog.conf"
        config.write_text(
            f"""
global(workDirectory="{folder}" maxMessageSize="128k")
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="{self.socket}" CreatePath="on" UseSysTimeStamp="off")
# As RSYSLOG_SyslogProtocol23Format, but without the space that it begins a message with and the
# newline that it ends it with, which would be the message's own.
template(name="rfc5424" type="string" string="<%PRI%>1 %TIMESTAMP:::date-rfc3339% %HOSTNAME% \
%APP-NAME% %PROCID% %MSGID% %STRUCTURED-DATA% %msg:2:$:drop-last-lf%")
*.* action(type="omfwd" target="127.0.0.1" port="{port}" {options}
  template="rfc5424" action.resumeRetryCount="-1")
"""
        )
        program = shutil.which("rsyslogd") or "/usr/sbin/rsyslogd"
        super().__init__(name, [program, "-n", "-f", config, "-i", folder / "pid"], folder)

    def start(self):
        super().start()
        wait_for(lambda: self.must_live() and self.socket.exists(), "rsyslogd's socket", 10)
        return self


def logger(*arguments, text):
    """util-linux' logger, one message."""
    done = subprocess.run(
        ["logger", *map(str, arguments), "--", text], capture_output=True, text=True, timeout=20
    )
    assert done.returncode == 0, done.stderr
