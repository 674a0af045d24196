"""A mail server on loopback: just enough of RFC 5321, with TLS where it is given a context, and refusals as told."""

import contextlib
import socketserver
import ssl

from tests.serving import Server, served


class MailServer:
    """Mails that came as (sender, recipients, text); `refuse` maps a command to the answer it gets instead."""

    def __init__(self):
        self.mails, self.refuse, self.logins, self.port = [], {}, [], 0


@contextlib.contextmanager
def mailing(tls=None, *, implicit=False):
    """Run one. `tls`: files of certificate and key; `implicit`: from the first byte, else by STARTTLS."""
    state = MailServer()
    context = None
    if tls is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*tls)

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            if implicit:
                self.secure()
            self.secured = implicit
            self.say("220 here")
            sender, recipients = "", []
            while line := self.rfile.readline():
                word = line.decode().strip()
                command = word.split(" ")[0].upper()
                if command in state.refuse and command != "DATA":
                    self.say(state.refuse[command])
                elif command == "EHLO":
                    self.say("250-here")
                    if context is not None and not self.secured:
                        self.say("250-STARTTLS")
                    self.say("250 AUTH PLAIN")
                elif command == "STARTTLS":
                    self.say("220 go on")
                    self.secure()
                    self.secured = True
                elif command == "AUTH":
                    state.logins.append(word)
                    self.say("235 ok")
                elif command == "MAIL":
                    sender, recipients = word, []
                    self.say("250 ok")
                elif command == "RCPT":
                    recipients.append(word)
                    self.say("250 ok")
                elif command == "DATA":
                    self.say("354 go on")
                    text = b""
                    while not text.endswith(b"\r\n.\r\n"):
                        text += self.rfile.readline()
                    if "DATA" not in state.refuse:
                        state.mails.append((sender, recipients, text[:-3].replace(b"\r\n..", b"\r\n.")))
                    self.say(state.refuse.get("DATA", "250 ok"))
                elif command == "QUIT":
                    self.say("221 bye")
                    return
                else:
                    self.say("250 ok")

        def say(self, text):
            self.wfile.write(text.encode() + b"\r\n")

        def secure(self):
            self.request = self.connection = context.wrap_socket(self.request, server_side=True)
            self.rfile, self.wfile = self.request.makefile("rb"), self.request.makefile("wb", 0)

        def finish(self):
            with contextlib.suppress(OSError):
                super().finish()
            self.request.close()

    server = Server(("127.0.0.1", 0), Handler)
    state.port = server.server_address[1]
    with served(server):
        yield state
