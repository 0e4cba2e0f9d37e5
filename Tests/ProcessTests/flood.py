"""Opens connections in a network namespace with scripts/nftables/sluice.nft: one address is held to its limit, others are not."""
import socket
server = socket.create_server(("127.0.0.1", 7700), backlog=4096)
other = socket.create_server(("127.0.0.1", 8000), backlog=4096)

def opened(source, count, port=7700):
    held, refused = [], 0
    for _ in range(count):
        peer = socket.socket()
        peer.bind((source, 0))
        try:
            peer.connect(("127.0.0.1", port))
            held.append(peer)
        except ConnectionRefusedError:
            refused += 1
    return held, refused

many, refused = opened("127.0.0.5", 700)
assert len(many) == 512 and refused == 188
one, refused = opened("127.0.0.6", 1)
assert len(one) == 1 and refused == 0
free, refused = opened("127.0.0.5", 700, port=8000)
assert len(free) == 700 and refused == 0, (len(free), refused)
