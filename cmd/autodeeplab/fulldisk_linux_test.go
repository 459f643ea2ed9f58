package main

import (
	"bytes"
	"errors"
	"math"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// envFileLimit makes the test binary be the program itself, whose files may not grow beyond that many bytes. It must be
// a process of its own: the limit would also hold for the log that go test has this one write.
const envFileLimit = "AUTODEEPLAB_TEST_FILE_LIMIT"

func init() {
	limit, err := strconv.ParseUint(os.Getenv(envFileLimit), 10, 64)
	if err != nil {
		return
	}
	signal.Ignore(syscall.SIGXFSZ) // writing further then fails, as on a full disk
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: limit, Max: limit}); err != nil {
		panic(err)
	}
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// TestFullDisk lets every writing command meet a file system that takes no more.
func TestFullDisk(t *testing.T) {
	for _, test := range []struct {
		name  string
		limit uint64
		args  string
	}{
		{"compile", 64 << 10, "compile --filters 2 --classes 3 --input-size 33x33 -o DIR/new.onnx"},
		{"import", 64 << 10, "import " + networks + "own.npz --arch " + networks + "plain.json --input-size 33x33 -o DIR/new.onnx"},
		{"run", 16, "run DIR/net.onnx DIR/photo.png -o DIR/out"},
		{"draw", 512, "draw -o DIR/out"},
		{"data synthesize", 16, "data synthesize --images 2 --size 36x48 -o DIR/out"},
		{"search", 16 << 10, "search --data DIR/data -o DIR/out" + tinySearch},
		{"train", 64 << 10, "train DIR/arch.json --data DIR/data -o DIR/out --validate-every 0" + strings.Replace(tinyTrain, "--validate-every 1", "", 1)},
		{"eval report", 16, "eval DIR/net.onnx --data DIR/data -o DIR/new.json"},
		{"eval masks", 16, "eval DIR/net.onnx --data DIR/data --save DIR/out"},
		{"bench", 64, "bench --table DIR/table.json --filters 2 --blocks 1 --levels 2 --input-size 33x33 --runs 1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			put(t, dir, map[string][]byte{"net.onnx": marshal(tiny()), "photo.png": picture(20, 10), "arch.json": []byte(tinyCell), "out/": nil})
			plainSet(t, dir, "data")
			before := listing(t, dir)
			var stdout, stderr bytes.Buffer
			cmd := exec.Command(os.Args[0], strings.Fields(strings.ReplaceAll(test.args, "DIR", dir))...)
			cmd.Env = append(os.Environ(), envFileLimit+"="+strconv.FormatUint(test.limit, 10))
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			err := cmd.Run()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != exitFailure {
				t.Errorf("the command ended with %v, want exit status %d", err, exitFailure)
			}
			if line := strings.TrimSuffix(stderr.String(), "\n"); !strings.Contains(line, "file too large") || strings.Contains(line, "\n") {
				t.Errorf("stderr %q; want one line that says so", stderr.String())
			}
			// TensorBoard reads event files as they grow: they are logs, and may end anywhere.
			after := slices.DeleteFunc(listing(t, dir), func(name string) bool { return strings.Contains(name, "tfevents") })
			if len(after) != len(before) {
				t.Errorf("the folder held %v, and now %v", before, after)
			}
		})
	}
}

// TestFullDiskAnywhere lets the commands of TestKilled meet a file system that takes no file of more than n bytes, for
// several n: what stands under a final name then is whole, and nothing stands under a temporary one.
func TestFullDiskAnywhere(t *testing.T) {
	for i := range killCases {
		c := &killCases[i]
		t.Run(c.name, func(t *testing.T) {
			dir := c.prepare(t)
			old := files(t, dir)
			finish(t, dir, c.args)
			want := files(t, dir)
			least, most := math.MaxInt, 0
			for name, data := range want {
				if before, ok := old[name]; (!ok || !bytes.Equal(before, data)) && len(data) > 0 && !strings.Contains(name, "tfevents") {
					least, most = min(least, len(data)), max(most, len(data))
				}
			}
			limits := []int{most - 1, 1, least / 2}
			if testing.Short() {
				limits = limits[:1]
			}
			for _, limit := range limits {
				dir := c.prepare(t)
				cmd, stderr := program(dir, strings.Fields(c.args)...)
				cmd.Env = append(os.Environ(), envFileLimit+"="+strconv.Itoa(limit))
				var exit *exec.ExitError
				if err := cmd.Run(); !errors.As(err, &exit) || exit.ExitCode() != exitFailure {
					t.Errorf("at %d bytes the command ended with %v, want exit status %d", limit, err, exitFailure)
				}
				if line := strings.TrimSuffix(stderr.String(), "\n"); !strings.Contains(line, "file too large") || strings.Contains(line, "\n") {
					t.Errorf("at %d bytes stderr is %q; want one line that says so", limit, stderr.String())
				}
				c.check(t, dir, old, want)
				for _, name := range listing(t, dir) {
					if strings.HasSuffix(name, ".tmp") {
						t.Errorf("at %d bytes %s is left", limit, name)
					}
				}
			}
		})
	}
}
