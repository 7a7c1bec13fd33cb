package experiments

import (
	"os"
	"time"

	"github.com/prometheus/procfs"
)

// usage is what this process and its children use.
type usage struct {
	cpu                 time.Duration // of this process: user and system
	memory, childMemory int           // resident, bytes
	children            int           // and children's children
}

// measureUsage reads the usage from /proc, as far as it can be read.
func measureUsage() usage {
	var u usage
	table, err := procfs.AllProcs()
	if err != nil {
		return u
	}
	parents, stats := map[int]int{}, map[int]procfs.ProcStat{}
	for _, p := range table {
		if stat, err := p.Stat(); err == nil {
			parents[stat.PID], stats[stat.PID] = stat.PPID, stat
		}
	}
	own := os.Getpid()
	for pid, stat := range stats {
		switch {
		case pid == own:
			u.cpu, u.memory = time.Duration(stat.CPUTime()*float64(time.Second)), stat.ResidentMemory()
		case descends(pid, own, parents):
			u.children++
			u.childMemory += stat.ResidentMemory()
		}
	}
	return u
}

// descends reports whether a process is a descendant of another.
func descends(pid, from int, parents map[int]int) bool {
	for at := parents[pid]; at > 0; at = parents[at] {
		if at == from {
			return true
		}
	}
	return false
}
