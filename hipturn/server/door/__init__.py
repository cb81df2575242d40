"""Who comes in: the page's link, connections, requests, and the certificate of `--tls`.

link.py         the token, and the file that brings it to the browser
porter.py       connections: how many, how long, and who is let go first
guard.py        requests: hosts, origins, token, methods
certificate.py  what `--tls` and phones encrypt with
"""
