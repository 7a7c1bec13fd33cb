package userdata

import "time"

// Bootstrap is what a machine sets up at its first boot, for this boot and every later one. Artifacts come first, then the files, then
// the setup, then the services.
type Bootstrap struct {
	Region    string // where the artifacts' bucket is
	Packages  []string
	Artifacts []Artifact
	Files     []File
	Setup     []Setup   // run one after the other
	Services  []Service // started in this order's dependencies, see Service.After; at least one, unless there is a Cluster

	// Cluster is the name of the ECS cluster that the machine joins to run its containers; none if empty. The image must have
	// the ECS agent.
	Cluster string

	// MemoryMetric makes the machine report its memory use to CloudWatch, once a minute: mem_used_percent in the namespace
	// CWAgent, by AutoScalingGroupName. The image's repositories must have the CloudWatch agent, as Amazon Linux's do.
	MemoryMetric bool

	// LogGroup is the log group of CloudWatch Logs to which the machine sends its journal of the boot and of the services; none if empty.
	// One of the artifacts is the program of package journal, unless the image has it.
	LogGroup string
}

// Artifact is a file or a folder that is fetched from S3 with the instance's own role and kept only if its SHA-256 is right. A file or a
// folder that the image already has at Path stays as it is.
type Artifact struct {
	Path   string // below /usr/local, /opt or /srv; a file is installed with mode 0755
	Bucket string
	Key    string
	SHA256 string // hex, of the object

	// Archive says that the object is a tar.gz whose content becomes the folder Path. See package archive.
	Archive bool
}

// File is a file with the mode and the owner that a program expects of its configuration. It replaces the file that the image or a
// package has at Path. Its content is in the document, unless it has a Key in S3.
type File struct {
	Path    string // below one of fileRoots
	Content []byte
	Mode    string // octal, "0644" when empty
	Owner   string // root when empty
	Group   string // root when empty

	Bucket, Key, SHA256 string
}

// Setup is a command that runs once in an instance's life, before its services start for the first time. Until it has succeeded, it is
// repeated, and no service starts.
type Setup struct {
	Name        string   // of the unit, after setup-
	Command     []string // absolute path and arguments; no shell
	User        string   // created as a system user; root when empty
	Directory   string   // where it starts, / when empty. It must exist; /var/lib/NAME of a service does
	Environment map[string]string
	Secrets     []Secret      // variables whose values are fetched at each try, with the machine's role
	Timeout     time.Duration // of one try, in whole seconds; DefaultTimeout when 0
}

// DefaultTimeout is how long a setup command may take.
const DefaultTimeout = 10 * time.Minute

// Service is a process that systemd starts at every boot and restarts whenever it ends.
type Service struct {
	Name        string // of the unit, without .service
	Description string
	Before      [][]string        // commands that run before each start, as the service would
	Command     []string          // absolute path and arguments; no shell
	User        string            // created as a system user; a dynamic one when empty
	Directory   string            // where it starts, / when empty. It must exist; /var/lib/NAME does, and is the service's to write
	Environment map[string]string // HOME is /var/lib/NAME without a value of its own
	// EnvironmentFile is a file on the machine with more variables, as EnvironmentFile= of systemd reads it; none if empty.
	EnvironmentFile string
	Secrets         []Secret // variables whose values are fetched at each start, with the machine's role
	Port            int      // listened on; below 1024 it brings CAP_NET_BIND_SERVICE. 0: none
	After           []string // services that start before this one and stop after it

	Sandbox Sandbox  // Strict when empty
	Relax   []string // directives of the sandbox that are left out, see [Relaxable]
	Limits  Limits
}

// Limits bound what a service uses. Zero is systemd's own limit.
type Limits struct {
	OpenFiles int // file descriptors of a process
	MemoryMiB int // of all processes of the service together; the kernel kills the service above it
	Tasks     int // processes and threads
}
