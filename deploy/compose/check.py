"""Holds a compose file against what its parts need of each other: every service,
network and volume that is named is there, every file that is mounted too, and no
two services take one port. Prints what is wrong and exits with 1."""

import pathlib
import sys

import yaml

path = pathlib.Path(sys.argv[1])
compose = yaml.safe_load(path.read_text())
services, wrong, ports = compose["services"], [], {}
known = {
    "build", "image", "restart", "stop_grace_period", "networks", "depends_on", "environment", "ports", "volumes",
    "healthcheck", "entrypoint", "ulimits",
}
for name, s in services.items():
    for key in set(s) - known:
        wrong.append(f"{name} has {key}, which this check does not know")
    if "image" not in s or ":" not in s["image"]:
        wrong.append(f"{name} has no image with a version")
    for other in s.get("depends_on", []):
        if other not in services:
            wrong.append(f"{name} waits for {other}, which is not there")
            continue
        how = s["depends_on"][other] if isinstance(s["depends_on"], dict) else {}
        if how.get("condition") == "service_healthy" and "healthcheck" not in services[other]:
            wrong.append(f"{name} waits until {other} is healthy, which nobody checks")
    for network in s.get("networks", []):
        if network not in compose.get("networks", {}):
            wrong.append(f"{name} is in network {network}, which is not there")
    for mount in s.get("volumes", []):
        source = mount.split(":")[0]
        if source.startswith("."):
            if not (path.parent / source).exists():
                wrong.append(f"{name} mounts {source}, which is not there")
        elif source not in compose.get("volumes", {}):
            wrong.append(f"{name} mounts volume {source}, which is not there")
    if "build" in s and not (path.parent / s["build"]["context"] / s["build"]["dockerfile"]).exists():
        wrong.append(f"{name} is built from a file that is not there")
    for port in s.get("ports", []):
        outside = port.rsplit(":", 1)[0]
        if outside in ports:
            wrong.append(f"{name} and {ports[outside]} both take {outside}")
        ports[outside] = name
print("\n".join(wrong) or f"{len(services)} services fit together")
sys.exit(bool(wrong))
