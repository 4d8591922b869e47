"""Commands by mail: what subscribers write to the command address.

`parse_command_mail` extracts the writer's own lines, `parse_commands` turns them into commands, and `CommandProcessor`
checks the proof of the sender, executes the commands (`handlers`) and plans the reply. `authentication` parses DMARC
results (RFC 8601). This package does not know how mail arrives or is sent.
"""
