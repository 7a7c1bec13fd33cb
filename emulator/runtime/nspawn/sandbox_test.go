package nspawn_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/compute"
	"github.com/elastic-service/elastic-service/userdata"
)

// server is a program of Debian's that runs as a service, with the files that it needs.
type server struct {
	userdata.Service

	packages []string
	files    map[string]string
	setup    []userdata.Setup
	ask      string // a command line of the machine
	answer   string // what it prints
}

const (
	wsgi = `def app(environ, start):
    start("200 OK", [("Content-Type", "text/plain")])
    return [b"gunicorn answers"]
`
	nginxConfig = `daemon off;
pid /var/lib/site/pid;
error_log stderr;
events { worker_connections 4096; }
http {
    access_log off;
    client_body_temp_path /var/lib/site/body;
    proxy_temp_path /var/lib/site/proxy;
    fastcgi_temp_path /var/lib/site/fastcgi;
    uwsgi_temp_path /var/lib/site/uwsgi;
    scgi_temp_path /var/lib/site/scgi;
    server {
        listen 8002;
        root /var/www/site;
        location = /php {
            fastcgi_param SCRIPT_FILENAME /srv/pages/index.php;
            fastcgi_param REQUEST_METHOD GET;
            fastcgi_pass 127.0.0.1:8006;
        }
    }
}
`
	fpmConfig = `[global]
error_log = /var/lib/pages/error.log
daemonize = no
[www]
listen = 8006
pm = dynamic
pm.max_children = 4
pm.start_servers = 1
pm.min_spare_servers = 1
pm.max_spare_servers = 2
process.priority = 5
`
	nodeServer = `require("http").createServer((_, answer) => answer.end("node answers")).listen(8005);
`
)

// distribution is what people put behind a balancer, as Debian 12 ships it.
func distribution() []server {
	curl := func(port int, path string) string {
		return fmt.Sprintf("curl --silent --max-time 5 http://127.0.0.1:%d%s", port, path)
	}
	return []server{
		{
			Service: userdata.Service{
				Name: "app", Directory: "/srv/app", Command: []string{"/usr/bin/gunicorn", "--bind=0.0.0.0:8001", "--workers=2", "app:app"},
			},
			packages: []string{"gunicorn"}, files: map[string]string{"/srv/app/app.py": wsgi},
			ask: curl(8001, "/"), answer: "gunicorn answers",
		},
		{
			Service: userdata.Service{
				Name: "site", User: "www-data", Command: []string{"/usr/sbin/nginx", "-e", "stderr", "-c", "/etc/site/nginx.conf"},
				Before: [][]string{{"/usr/sbin/nginx", "-t", "-e", "stderr", "-c", "/etc/site/nginx.conf"}},
			},
			packages: []string{"nginx-light"},
			files:    map[string]string{"/etc/site/nginx.conf": nginxConfig, "/var/www/site/index.html": "nginx answers\n"},
			ask:      curl(8002, "/"), answer: "nginx answers",
		},
		{
			Service: userdata.Service{
				Name: "cache", Command: []string{"/usr/bin/redis-server", "--port", "8003", "--dir", "/var/lib/cache"}, Directory: "/var/lib/cache",
			},
			packages: []string{"redis-server"}, ask: "redis-cli -p 8003 ping", answer: "PONG",
		},
		{
			Service: userdata.Service{
				Name: "sql", User: "sql", Command: []string{
					"/usr/lib/postgresql/15/bin/postgres", "-D", "/var/lib/sql/data", "-p", "8004", "-c", "unix_socket_directories=/var/lib/sql",
				},
			},
			packages: []string{"postgresql-15"},
			setup: []userdata.Setup{{
				Name: "initdb", User: "sql", Directory: "/var/lib/sql",
				Command: []string{"/usr/lib/postgresql/15/bin/initdb", "-D", "/var/lib/sql/data", "--auth=trust"},
			}},
			ask: "psql -h 127.0.0.1 -p 8004 -U sql -t -A -c SELECT('sql'||'-answers') postgres", answer: "sql-answers",
		},
		{
			Service:  userdata.Service{Name: "node", Command: []string{"/usr/bin/node", "/srv/node/server.js"}},
			packages: []string{"nodejs"}, files: map[string]string{"/srv/node/server.js": nodeServer},
			ask: curl(8005, "/"), answer: "node answers",
		},
		{
			Service: userdata.Service{
				Name: "pages", Command: []string{"/usr/sbin/php-fpm8.2", "--nodaemonize", "--fpm-config", "/etc/pages/fpm.conf"},
			},
			packages: []string{"php8.2-fpm"},
			files: map[string]string{
				"/etc/pages/fpm.conf": fpmConfig, "/srv/pages/index.php": "<?php echo 'php', ' answers';\n",
			},
			ask: curl(8002, "/php"), answer: "php answers",
		},
		{ // a server in a jar, whose machine compiles at run time
			Service: userdata.Service{Name: "jar", Directory: "/var/lib/jar", Command: []string{
				"/usr/bin/java", "-Xmx128m", "-cp", "/usr/share/java/hsqldb.jar", "org.hsqldb.server.WebServer", "--port", "8007",
				"--database.0", "mem:a", "--dbname.0", "a",
			}},
			packages: []string{"default-jre-headless", "libhsqldb-java"},
			ask:      curl(8007, "/") + " --output /dev/null --write-out %{http_code}", answer: "404",
		},
	}
}

// TestServersOfTheDistributionRunInTheStandardSandbox has them all on one machine. In the strict sandbox, gunicorn 20.1.0 does not run.
func TestServersOfTheDistributionRunInTheStandardSandbox(t *testing.T) {
	servers := distribution()
	var s software
	s.render(t, together(servers))
	m := boot(t, newVPC(t), s.spec(t, zoneA))
	for _, c := range servers {
		t.Run(c.Name, func(t *testing.T) {
			eventually(t, 2*bootTime, c.ask, func() bool {
				return strings.TrimSpace(attempt(t, m, strings.Fields(c.ask)...).Stdout) == c.answer
			})
			assert.Zero(t, service(t, m, c.Name).Restarts)
			pid := itoa(service(t, m, c.Name).PID)
			status := strings.Fields(command(t, m, "grep", "-E", "^(Uid|NoNewPrivs|Seccomp):", "/proc/"+pid+"/status"))
			assert.NotEqual(t, "0", status[1], "not root")
			assert.Equal(t, []string{"NoNewPrivs:", "1", "Seccomp:", "2"}, status[5:])
			assert.Equal(t, "LimitNOFILE=65536", command(t, m, "systemctl", "show", "--property=LimitNOFILE", c.Name+".service"))
			files := strings.Fields(command(t, m, "grep", "Max open files", "/proc/"+pid+"/limits"))
			assert.Equal(t, files[4], files[3], "as many as this computer allows, if not so many, and not the usual 1024")
		})
	}
	t.Run("gunicorn ends in the strict sandbox", func(t *testing.T) {
		eventually(t, bootTime, "a restart", func() bool { return service(t, m, "strict").Restarts > 0 })
		assertSaid(t, m, "strict", "os.setuid(uid)")
		assertSaid(t, m, "strict", "PermissionError: [Errno 1] Operation not permitted")
	})
	t.Run("gunicorn runs in a sandbox without its call filter", func(t *testing.T) {
		eventually(t, bootTime, "an answer", func() bool {
			return attempt(t, m, "curl", "--silent", "--max-time", "5", "http://127.0.0.1:8012/").Stdout == "gunicorn answers"
		})
	})
	t.Run("limits are systemd's", func(t *testing.T) {
		properties := command(t, m, "systemctl", "show", "--property=MemoryMax,TasksMax", "eased.service")
		assert.Equal(t, []string{"MemoryMax=268435456", "TasksMax=64"}, strings.Fields(properties))
	})
	t.Run("without a sandbox nothing is refused but root", func(t *testing.T) {
		pid := itoa(service(t, m, "free").PID)
		status := strings.Fields(command(t, m, "grep", "-E", "^(Uid|CapEff):", "/proc/"+pid+"/status"))
		assert.NotEqual(t, "0", status[1])
		assert.Equal(t, "0000000000000000", status[6])
		assert.Equal(t, "0", command(t, m, "sh", "-c", "grep -c SystemCallFilter /etc/systemd/system/free.service || true"))
	})
}

// together is a machine with all servers, and gunicorn in other sandboxes.
func together(servers []server) userdata.Bootstrap {
	var b userdata.Bootstrap
	for _, c := range servers {
		c.Sandbox, c.Limits = userdata.Standard, userdata.Limits{OpenFiles: 65536}
		b.Packages = append(b.Packages, c.packages...)
		b.Services = append(b.Services, c.Service)
		b.Setup = append(b.Setup, c.setup...)
		for path, content := range c.files {
			b.Files = append(b.Files, userdata.File{Path: path, Content: []byte(content)})
		}
	}
	gunicorn := servers[0].Service
	for _, other := range []userdata.Service{
		{Name: "strict", Command: []string{"/usr/bin/gunicorn", "--bind=0.0.0.0:8011", "app:app"}},
		{
			Name: "eased", Command: []string{"/usr/bin/gunicorn", "--bind=0.0.0.0:8012", "app:app"}, Relax: []string{"SystemCallFilter"},
			Limits: userdata.Limits{MemoryMiB: 256, Tasks: 64},
		},
		{Name: "free", User: "free", Command: []string{"/usr/bin/sleep", "infinity"}, Sandbox: userdata.Off},
	} {
		other.Directory = gunicorn.Directory
		b.Services = append(b.Services, other)
	}
	return b
}

// TestFilesFoldersAndSetup follows what is done once through a first boot, a reboot and a power cut.
func TestFilesFoldersAndSetup(t *testing.T) {
	odd := "\x00\xff\r\n\ttab \u2028 #{}$%\n no end"
	large := strings.Repeat("a line of a large file\n", 1000)
	var s software
	folder := s.object("/srv/site", tarGz(t))
	folder.Archive = true
	object := s.object("/etc/site/large.conf", []byte(large))
	s.render(t, userdata.Bootstrap{
		Artifacts: []userdata.Artifact{folder},
		Files: []userdata.File{
			{Path: "/etc/site/plain.conf", Content: []byte("a: 1\n  b: 'two'\n\n# last\n\n")},
			{Path: "/etc/site/odd", Content: []byte(odd), Mode: "0600"},
			{Path: "/etc/site/empty"},
			{Path: "/srv/site/.env", Content: []byte("A=1\n"), Mode: "0640", Owner: "site", Group: "www-data"},
			{Path: "/var/lib/site/seed", Content: []byte("seed\n"), Owner: "site", Group: "site"},
			{Path: "/var/www/page.html", Content: []byte("page\n")},
			{Path: object.Path, Bucket: object.Bucket, Key: object.Key, SHA256: object.SHA256, Mode: "0444"},
		},
		Setup: []userdata.Setup{
			{Name: "log", Command: []string{"/usr/bin/install", "-d", "-o", "site", "/var/lib/log-of-setup"}},
			{ // fails until its third try
				Name: "stubborn", User: "site", Directory: "/var/lib/site", Environment: map[string]string{"WORD": "say 100% $HOME"},
				Command: []string{"/bin/sh", "-c", `echo "$WORD in $PWD as $(id -un)" >> /var/lib/log-of-setup/log; ` +
					`test "$(wc -l < /var/lib/log-of-setup/log)" -ge 3`},
			},
			{Name: "last", Command: []string{"/bin/sh", "-c", "echo last as $(id -un) >> /var/lib/log-of-setup/log"}},
		},
		Services: []userdata.Service{{
			Name: "site", User: "site", Port: 5000, Command: []string{"/usr/bin/python3", "-m", "http.server", "5000"}, Directory: "/srv/site",
			Before: [][]string{{"/bin/sh", "-c", "echo start >> $HOME/starts"}},
		}},
	})
	v := newVPC(t)
	m := boot(t, v, s.spec(t, zoneA))
	opens(t, v, zoneA, 5000)
	assertBootedCleanly(t, m)
	read := func(path string) string {
		r := attempt(t, m, "cat", path)
		require.Zero(t, r.Code, r.Stderr)
		return r.Stdout
	}
	for path, want := range map[string]string{
		"/etc/site/plain.conf": "a: 1\n  b: 'two'\n\n# last\n\n", "/etc/site/odd": odd, "/etc/site/empty": "", "/etc/site/large.conf": large,
		"/srv/site/.env": "A=1\n", "/var/lib/site/seed": "seed\n", "/srv/site/index.html": "<h1>site</h1>\n", "/srv/site/home": "<h1>site</h1>\n",
	} {
		assert.Equal(t, want, read(path), path)
	}
	for path, want := range map[string]string{
		"/etc/site/plain.conf": "root root 644", "/etc/site/odd": "root root 600", "/srv/site/.env": "site www-data 640",
		"/var/lib/site/seed": "site site 644", "/etc/site/large.conf": "root root 444", "/srv/site": "root root 755",
		"/srv/site/bin/tool": "root root 755", "/srv/site/index.html": "root root 644",
	} {
		assert.Equal(t, want, command(t, m, "stat", "--format=%U %G %a", path), path)
	}
	want := strings.Repeat("say 100% $HOME in /var/lib/site as site\n", 3) + "last as root\n"
	assert.Equal(t, want, read("/var/lib/log-of-setup/log"))
	assertSaid(t, m, "setup-stubborn", "Failed with result 'exit-code'")
	assert.NotZero(t, attempt(t, m, "test", "-e", "/etc/elastic-service/files").Code, "done")
	assert.Empty(t, command(t, m, "ls", "/etc/elastic-service/setup"))

	command(t, m, "sh", "-c", "echo changed > /etc/site/plain.conf")
	require.NoError(t, m.Stop(t.Context()))
	require.NoError(t, m.Start(t.Context()))
	opens(t, v, zoneA, 5000)
	assert.Equal(t, "changed\n", read("/etc/site/plain.conf"), "files are put into place once")
	assert.Equal(t, want, read("/var/lib/log-of-setup/log"), "setup runs once")
	assert.Equal(t, "start\nstart\n", read("/var/lib/site/starts"), "before runs at each start")
}

// tarGz is a folder as the program packs it.
func tarGz(t *testing.T) []byte {
	t.Helper()
	folder := t.TempDir()
	for name, mode := range map[string]os.FileMode{"index.html": 0o600, "bin/tool": 0o700} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(folder, name)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte("<h1>site</h1>\n"), mode))
	}
	require.NoError(t, os.Symlink("index.html", filepath.Join(folder, "home")))
	packed, err := compute.PackFolder(folder)
	require.NoError(t, err)
	content, err := os.ReadFile(packed)
	require.NoError(t, err)
	return content
}
