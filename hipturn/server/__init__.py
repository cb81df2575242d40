"""The page's server: one small web server in the session's own event loop.

door/         who may come in: link, connections, requests, certificate
hub.py        the viewers: a newest-wins slot and a bounded queue for each
messages.py   the messages to a viewer (docs/live-protocol.md)
commands.py   the commands of a viewer, checked and limited in number
page_display.py  the page as a `Display`, beside the terminal
library.py    the recordings that a viewer may open, by key, never by path
workshop.py   a process of its own for heavy work, such as a report
recorded.py   a whole recording as the page wants it
app.py        the routes
serve.py      the socket, the address, the QR code, the browser
desk.py       the stages from the first view to the report: one table of commands
"""
