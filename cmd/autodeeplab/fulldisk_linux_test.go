package main

import (
	"bytes"
	"context"
	"os/signal"
	"strings"
	"syscall"
	"testing"
)

// TestFullDisk lets every writing command meet a file system that takes no more: files of this process may not grow
// beyond a limit, and writing further fails as on a full disk.
func TestFullDisk(t *testing.T) {
	signal.Ignore(syscall.SIGXFSZ)
	defer signal.Reset(syscall.SIGXFSZ)
	for _, test := range []struct {
		name  string
		limit uint64
		args  string
	}{
		{"compile", 64 << 10, "compile --filters 2 --classes 3 --input-size 33x33 -o DIR/new.onnx"},
		{"run", 16, "run DIR/net.onnx DIR/photo.png -o DIR/out"},
		{"draw", 512, "draw -o DIR/out"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			put(t, dir, map[string][]byte{"net.onnx": marshal(tiny()), "photo.png": picture(20, 10), "out/": nil})
			before := listing(t, dir)
			var stdout, stderr bytes.Buffer
			status := limited(t, test.limit, func() int {
				return execute(context.Background(), strings.Fields(strings.ReplaceAll(test.args, "DIR", dir)), nil, &stdout, &stderr)
			})
			line := strings.TrimSuffix(stderr.String(), "\n")
			if status == 0 || !strings.Contains(line, "file too large") || strings.Contains(line, "\n") {
				t.Errorf("exit %d, stderr %q; want one line that says so", status, stderr.String())
			}
			if after := listing(t, dir); len(after) != len(before) {
				t.Errorf("the folder held %v, and now %v", before, after)
			}
		})
	}
}

// limited runs f while no file may grow beyond limit bytes.
func limited(t *testing.T, limit uint64, f func() int) int {
	t.Helper()
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: limit, Max: old.Max}); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
			t.Error(err)
		}
	}()
	return f()
}
