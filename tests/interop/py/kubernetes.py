"""Judges Kubernetes manifests by the schemas of a release of Kubernetes, unknown fields refused. Prints the command of each
container as a line of JSON."""

import json
import sys

import kubernetes_validate
import yaml

for name in sys.argv[1:]:
    with open(name) as text:
        documents = list(yaml.safe_load_all(text))
    assert documents, f"{name}: no document"
    for document in documents:
        kubernetes_validate.validate(document, "1.37", strict=True)
        job = document["spec"].get("jobTemplate", document)
        pod = job["spec"]["template"]["spec"]
        for container in pod.get("initContainers", []) + pod["containers"]:
            print(json.dumps(container["command"] + container.get("args", [])))
