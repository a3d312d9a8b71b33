"""Practice calls over WebSocket: a server that holds its sessions in memory, and its front end."""
