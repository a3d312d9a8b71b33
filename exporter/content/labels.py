"""The labels of a scrape job that the rules, Alertmanager's example and links know by name."""

#: They tell apart what is watched separately: what happens in one environment is not reported of
#: another, nor does it hold back an alert there. Each of them is optional.
SEPARATING = (
    "cluster",
    "namespace",
    "job",
    "env",
    "environment",
    "stage",
    "region",
    "datacenter",
    "dc",
    "tenant",
    "prometheus",
)

#: They identify a scrape job even when another of its labels is added, removed or renamed.
IDENTIFYING = SEPARATING[:3]

#: Of these, the ones besides its name that a dashboard has variables for.
PLACE = ("cluster", "namespace")

#: Replicas of one exporter differ in these alone, so that the rules fold them into one.
REPLICA = ("instance", "pod", "container", "endpoint", "node")
