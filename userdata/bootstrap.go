package userdata

// Bootstrap is what a machine sets up at its first boot, for this boot and every later one.
type Bootstrap struct {
	Region    string // where the artifacts' bucket is
	Packages  []string
	Artifacts []Artifact
	Services  []Service // started in this order's dependencies, see Service.After; at least one, unless there is a Cluster

	// Cluster is the name of the ECS cluster that the machine joins to run its containers; none if empty. The image must have
	// the ECS agent.
	Cluster string

	// MemoryMetric makes the machine report its memory use to CloudWatch, once a minute: mem_used_percent in the namespace
	// CWAgent, by AutoScalingGroupName. The image's repositories must have the CloudWatch agent, as Amazon Linux's do.
	MemoryMetric bool
}

// Artifact is a file that is fetched from S3 with the instance's own role and kept only if its SHA-256 is right. A file that
// the image already has at Path stays as it is.
type Artifact struct {
	Path   string // below /usr/local, /opt or /srv; installed with mode 0755
	Bucket string
	Key    string
	SHA256 string // hex
}

// Service is a process that systemd starts at every boot and restarts whenever it ends.
type Service struct {
	Name        string // of the unit, without .service
	Description string
	Command     []string          // absolute path and arguments; no shell
	User        string            // created as a system user; a dynamic one when empty
	Directory   string            // where it starts, / when empty. It must exist; /var/lib/NAME does, and is the service's to write
	Environment map[string]string // HOME is /var/lib/NAME without a value of its own
	// EnvironmentFile is a file on the machine with more variables, as EnvironmentFile= of systemd reads it; none if empty.
	EnvironmentFile string
	Secrets         []Secret // variables whose values are fetched at each start, with the machine's role
	Port            int      // listened on; below 1024 it brings CAP_NET_BIND_SERVICE. 0: none
	After           []string // services that start before this one and stop after it
}
