package main

import (
	"strings"
	"testing"
)

// TestLimits has each limit that a command line can meet refuse something, with its name in the message.
func TestLimits(t *testing.T) {
	dir := t.TempDir()
	succeed(t, dir, "compile --filters 4 --classes 3 --input-size 33x33 -o DIR/net.onnx")
	succeed(t, dir, "compile DIR/net.onnx --external-data always -o DIR/external.onnx")
	for limit, args := range map[string]string{
		"model-bytes=1000":          "check DIR/net.onnx",
		"external-bytes=1000":       "check DIR/external.onnx",
		"model-parts=10":            "show DIR/net.onnx",
		"text-bytes=2":              "summary DIR/net.onnx",
		"run-bytes=1K":              "verify DIR/net.onnx --against runtime",
		"tensor-elements=100":       "bench DIR/net.onnx --runs 1",
		"dimensions=3":              "verify DIR/net.onnx --against runtime",
		"picture-pixels=5":          "run DIR/net.onnx ../../fixtures/sample/street.jpg -o DIR/out",
		"list-bytes=1,dimensions=x": "check DIR/net.onnx",
	} {
		name, _, _ := strings.Cut(limit, "=")
		if name == "list-bytes" {
			fail(t, dir, args+" --limit "+limit, exitUsage, "dimensions=x", "want a number")
			continue
		}
		fail(t, dir, args+" --limit "+limit, exitFailure, "--limit "+name)
	}
	fail(t, dir, "verify DIR/net.onnx --against runtime --limit second=1", exitUsage, "want NAME=VALUE of model-bytes")
	text := succeed(t, dir, "limits --limit run-bytes=1G --limit seconds=7,dimensions=4")
	for _, want := range []string{"run-bytes                     1 GiB", "seconds                           7", "dimensions                        4", "pickle-bytes"} {
		if !strings.Contains(text, want) {
			t.Errorf("limits does not say %q:\n%s", want, text)
		}
	}
}

// TestTimeLimit stops a measurement that would take for ever.
func TestTimeLimit(t *testing.T) {
	dir := t.TempDir()
	exactModel(t, dir, "net.onnx", 0)
	fail(t, dir, "bench DIR/net.onnx --input-size 8x8 --runs 2000000000 --limit seconds=1", exitFailure, "stopped after 1 s (--limit seconds)")
}
