"""The printed commands of the documentation, followed in order on a fresh system.

fresh_system   a machine of its own: namespaces of mounts, network and processes, without systemd
systemctl      what stands in for systemctl and journalctl there
test_printed   runs the pages
"""
