package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"autodeeplab/internal/testenv"
)

// envPeakFile makes the test binary be the program itself, which then writes its peak memory in KiB into that file. (What
// the parent is told of a child's peak includes the parent's own, which is there when the child begins.)
const envPeakFile = "AUTODEEPLAB_TEST_PEAK_FILE"

func init() {
	path := os.Getenv(envPeakFile)
	if path == "" {
		return
	}
	status := run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	text, err := os.ReadFile("/proc/self/status")
	if err == nil {
		_, rest, _ := strings.Cut(string(text), "VmHWM:")
		err = os.WriteFile(path, []byte(strings.Fields(rest)[0]), 0o644)
	}
	if err != nil {
		panic(err)
	}
	os.Exit(status)
}

// peakOf runs a command line in a process of its own.
func peakOf(t *testing.T, args []string) (status int, stderr string, peak int) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "peak")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Env = append(os.Environ(), envPeakFile+"="+file)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("the program did not come to its end: %v, stderr %.300q", cmd.ProcessState, errs.String())
	}
	kib, err := strconv.Atoi(string(text))
	if err != nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), errs.String(), kib << 10
}

// refusalMemory is what refusing a file may take beyond the file's own size and what the program takes to do nothing.
const refusalMemory = 64 << 20

// TestHostileCorpus holds the promise of SECURITY.md: each file of the corpus is refused with one line and little memory.
func TestHostileCorpus(t *testing.T) {
	_, _, idle := peakOf(t, []string{"version"})
	allowed := refusalMemory
	if testenv.Race {
		allowed *= 10 // the detector's manual: five to ten times the memory
	}
	seen := map[string]bool{}
	worst, slowest := 0, time.Duration(0)
	for _, c := range hostileCorpus() {
		if seen[c.name] {
			t.Fatalf("two cases are called %q", c.name)
		}
		seen[c.name] = true
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			put(t, dir, map[string][]byte{"net.onnx": marshal(tiny()), "photo.png": picture(20, 10), "out/": nil})
			plainSet(t, dir, "data")
			put(t, dir, c.files)
			if c.prepare != nil {
				if err := c.prepare(dir); err != nil {
					t.Fatal(err)
				}
			}
			size := 0
			for _, data := range c.files {
				size += len(data)
			}
			before := listing(t, dir)
			began := time.Now()
			status, stderr, peak := peakOf(t, strings.Fields(strings.ReplaceAll(c.args, "DIR", dir)))
			slowest = max(slowest, time.Since(began))
			if status == 0 || status == exitInternal {
				t.Errorf("exit status %d", status)
			}
			line := strings.TrimSuffix(stderr, "\n")
			if !strings.HasPrefix(line, "autodeeplab: ") || strings.Contains(line, "\n") || strings.Contains(line, "internal error") || len(line) > 1000 {
				t.Errorf("stderr is not one plain line:\n%.2000s", stderr)
			}
			if !strings.Contains(line, c.want) {
				t.Errorf("stderr says %.600q, want it to say %q", line, c.want)
			}
			if more := peak - idle - size; more > allowed {
				t.Errorf("%d MiB beyond the file's %d bytes, want at most %d", more>>20, size, allowed>>20)
			} else {
				worst = max(worst, more)
			}
			if after := listing(t, dir); !slices.Equal(before, after) {
				t.Errorf("the folder held %v, and now %v", before, after)
			}
		})
	}
	t.Logf("%d files; at most %d MiB beyond the file's size and the %d MiB of an idle program; the slowest took %v", len(seen), worst>>20, idle>>20, slowest)
	if len(seen) < 60 {
		t.Errorf("only %d files", len(seen))
	}
}

// hostileCase is a file, or several, that somebody might send, and the command line that it would be given to.
type hostileCase struct {
	name  string
	like  string // the CVE or thread that it stands for, "" for a variation of our own
	files map[string][]byte
	// prepare makes what a map of files cannot: links, pipes.
	prepare func(dir string) error
	args    string
	want    string // a part of the refusal
}

// onnxCase is a case with one model, checked or run.
func onnxCase(name, like string, model []byte, want string) hostileCase {
	return hostileCase{name: name, like: like, files: map[string][]byte{"bad.onnx": model}, args: "run DIR/bad.onnx DIR/photo.png -o DIR/out", want: want}
}

func hostileCorpus() []hostileCase {
	return slices.Concat(hostileExternal(), hostileTensors(), hostileMessages(), hostileGraphs(), hostilePictures(), hostileOthers(), hostileGrowth())
}

func link(kind func(from, to string) error, from, to string) func(string) error {
	return func(dir string) error {
		if !filepath.IsAbs(from) {
			from = filepath.Join(dir, from)
		}
		return kind(from, filepath.Join(dir, to))
	}
}

func mkfifo(_, path string) error { return syscall.Mkfifo(path, 0o600) }

// repeated gives n times a piece of a file.
func repeated(piece string, n int) []byte { return bytes.Repeat([]byte(piece), n) }

func numbered(n int, f func(i int) string) []string {
	s := make([]string, n)
	for i := range s {
		s[i] = f(i)
	}
	return s
}
