"""Opens connections in a network namespace with scripts/nftables/sluice.nft: one address is held to its limit, others are not."""
import socket
import struct
server = socket.create_server(("127.0.0.1", 7700), backlog=4096)
server6 = socket.create_server(("::1", 7700), family=socket.AF_INET6, backlog=4096)
other = socket.create_server(("127.0.0.1", 8000), backlog=4096)

def opened(source, count, port=7700, to="127.0.0.1"):
    held, refused = [], 0
    for _ in range(count):
        peer = socket.socket(socket.AF_INET6 if ":" in to else socket.AF_INET)
        peer.bind((source, 0))
        try:
            peer.connect((to, port))
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
many6, refused = opened("::1", 700, to="::1")
assert len(many6) == 512 and refused == 188

# The other end holds nothing of it after that.
def reset(peer):
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()

# One after another, each closed at once: beyond the burst of 1000 only 200 a second are let in, the rest is dropped.
def let_in(source, to, count):
    for number in range(count):
        peer = socket.socket(socket.AF_INET6 if ":" in to else socket.AF_INET)
        peer.settimeout(0.2)
        peer.bind((source, 0))
        try:
            peer.connect((to, 7700))
        except TimeoutError:
            return number
        finally:
            reset(peer)
    return count

for peer in many6:
    reset(peer)
assert 1000 <= let_in("127.0.0.7", "127.0.0.1", 5000) < 5000
assert let_in("::1", "::1", 5000) < 5000
