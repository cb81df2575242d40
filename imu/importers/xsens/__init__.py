"""Files of the Movella (formerly Xsens) DOT app and server."""
