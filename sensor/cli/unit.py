"""The systemd unit that `spanline run --print-unit` prints: of this release, and for the installed program's path.

What it may do is what live capture, listeners and the state need, and nothing else; `systemd-analyze security` rates
what is left.
"""

import sys
from pathlib import Path

_UNIT = """\
# Made by `spanline run --print-unit`: save as /etc/systemd/system/spanline.service, then
#   systemctl daemon-reload && systemctl enable --now spanline
[Unit]
Description=Spanline anomaly sensor
Documentation=man:systemd.exec(5)
Wants=network-online.target
After=network-online.target

[Service]
Type=notify
NotifyAccess=main
ExecStart={program} run --config {config}
ExecReload=/bin/kill -HUP $MAINPID
Restart=on-failure
RestartSec=5
# The first start compiles kernels, and a state of 10,000 devices is read back in seconds.
TimeoutStartSec=600
TimeoutStopSec=60
WatchdogSec=120
OOMScoreAdjust=-200
LimitNOFILE=65536

# Its own user, made at the start; the state and the compiled kernels are the only places it writes.
DynamicUser=yes
User=spanline
StateDirectory=spanline
StateDirectoryMode=0700
CacheDirectory=spanline
CacheDirectoryMode=0700
WorkingDirectory=/var/lib/spanline
Environment=SPANLINE_STATE=/var/lib/spanline SPANLINE_KERNEL_CACHE=/var/cache/spanline/kernels
UMask=0077

# AF_PACKET needs CAP_NET_RAW, and nothing else does.
AmbientCapabilities=CAP_NET_RAW
CapabilityBoundingSet=CAP_NET_RAW
NoNewPrivileges=yes

ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
ProtectProc=invisible
ProcSubset=pid
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_PACKET AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
RemoveIPC=yes
PrivateMounts=yes
KeyringMode=private
DevicePolicy=closed
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
# With it the sensor gives up CAP_NET_RAW, once the span port is open.
SystemCallFilter=capset
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
"""


def unit(config: Path) -> str:
    """Return the unit for a configuration file and the program that is running."""
    program = Path(sys.argv[0]).resolve()
    named = program if program.name == "spanline" else Path(sys.executable).parent / "spanline"
    return _UNIT.format(program=named, config=config.resolve())
