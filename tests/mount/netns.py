# SPDX-License-Identifier: GPL-3.0-or-later
"""A mount in a network namespace of its own, and a cable that can be pulled to another one, where
its server listens. What arrives there is handed to the test server on the loopback interface.
"""
import ctypes
import os
import shutil
import socket
import subprocess
import sys
import time

from mounting import Mount

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'faults'))

from wire import Wire  # noqa: E402 pylint: disable=wrong-import-position

CLONE_NEWNET = 0x40000000
HERE, THERE = '10.213.77.1', '10.213.77.2'


def why_not():
    """Why there can be no such thing here, or None."""
    if os.geteuid() != 0:
        return 'network namespaces need root'
    if not shutil.which('ip') or not shutil.which('nsenter'):
        return 'there is no ip or no nsenter'
    out = subprocess.run(['unshare', '-n', 'ip', 'link', 'add', 'wire0', 'type', 'veth', 'peer',
                          'name', 'wire1'], capture_output=True, check=False)
    return None if out.returncode == 0 else 'no veth: %s' % out.stderr.decode()


class Cable:
    """Two namespaces, each held by a process that sleeps: they end with it."""

    def __init__(self):
        self.holders = [subprocess.Popen(['unshare', '-n', 'sleep', 'infinity']) for _ in range(2)]
        for holder in self.holders:
            while os.readlink('/proc/%d/ns/net' % holder.pid) == os.readlink('/proc/self/ns/net'):
                time.sleep(0.01)
        mount, server = (str(holder.pid) for holder in self.holders)
        self.mounts('ip', 'link', 'add', 'wire0', 'type', 'veth', 'peer', 'name', 'wire1', 'netns',
                    server)
        for inside, name, address in ((self.mounts, 'wire0', HERE), (self.servers, 'wire1', THERE)):
            inside('ip', 'link', 'set', 'lo', 'up')
            inside('ip', 'addr', 'add', address + '/24', 'dev', name)
            inside('ip', 'link', 'set', name, 'up')
        self.words = ['nsenter', '--net=/proc/%s/ns/net' % mount]

    def inside(self, number, words):
        subprocess.run(['nsenter', '--net=/proc/%d/ns/net' % self.holders[number].pid, *words],
                       check=True, timeout=20)

    def mounts(self, *words):
        self.inside(0, words)

    def servers(self, *words):
        self.inside(1, words)

    # What can happen to it

    def pull(self):
        self.mounts('ip', 'link', 'set', 'wire0', 'down')

    def plug(self):
        self.mounts('ip', 'link', 'set', 'wire0', 'up')

    def swallow(self):
        """Everything to the server goes nowhere, without a word."""
        self.servers('ip', 'route', 'add', 'blackhole', HERE + '/32')

    def spare(self):
        self.servers('ip', 'route', 'del', 'blackhole', HERE + '/32')

    def close(self):
        for holder in self.holders:
            holder.kill()
            holder.wait()


class CableMount(Mount):
    """One whose ewsfs lives at one end."""
    cable = None

    def command(self, foreground=True):
        return self.cable.words + super().command(foreground)


class FarWire(Wire):
    """Listens at the far end of a cable. A socket belongs to the namespace that its maker was in,
    and a thread may visit another one."""

    def __init__(self, cable, target):
        self.cable = cable
        super().__init__(target)

    def listen(self):
        libc = ctypes.CDLL(None, use_errno=True)
        here = os.open('/proc/thread-self/ns/net', os.O_RDONLY)
        there = os.open('/proc/%d/ns/net' % self.cable.holders[1].pid, os.O_RDONLY)
        try:
            assert libc.setns(there, CLONE_NEWNET) == 0
            try:
                listener = socket.create_server((THERE, self.port), backlog=64)
            finally:
                assert libc.setns(here, CLONE_NEWNET) == 0
        finally:
            os.close(here)
            os.close(there)
        self.begin(listener)


def mount_on(cable, server, **options):
    """(CableMount, not started; what hands over)"""
    wire = FarWire(cable, server.port)
    there = CableMount('http://%s:%d/EWS/Exchange.asmx' % (THERE, wire.port), insecure_http=True,
                       **options)
    there.cable = cable
    return there, wire
