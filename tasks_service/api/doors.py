"""How connections come in when many come at once."""

import socket

MANY = 16


def doors(listener: socket.socket) -> list[socket.socket]:
    """The same listening socket several times over.

    libuv takes one connection per listener in a turn of its loop (libuv/libuv#3696), and a turn of a busy
    process takes tens of milliseconds: behind one door newcomers would wait for as long as the load lasts.
    """
    return [listener, *(listener.dup() for _ in range(MANY - 1))]
