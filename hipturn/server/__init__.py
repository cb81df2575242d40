"""The page's server: one small web server in the session's own event loop.

door/         who comes in: link, connections, requests, certificate
hub.py        who watches: a newest-wins slot and a bounded queue for each viewer
messages.py   what is said to a viewer (docs/live-protocol.md)
commands.py   what a viewer may say, and how often
screen.py     the page as a `Screen`, beside the terminal
library.py    the recordings that a viewer may open, by key, never by path
workshop.py   a process of its own for heavy work, such as a report
recorded.py   a whole recording as the page wants it
app.py        the routes
serve.py      the socket, the address, the QR code, the browser
desk.py       what happens when: the steps from the first screen to the report
"""
