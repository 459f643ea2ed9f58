package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// fuzzedLines are command lines, with the file that FILE stands for, that FuzzCommand begins with.
var fuzzedLines = []string{
	"", "--help", "--version", "version", "help compile", "completion bash", "compile --help", "frobnicate", "compile --frobnicate", "compile --list-passes",
	"show FILE", "show FILE --full", "check FILE", "check --target tensorrt FILE", "summary FILE --json", "summary FILE --input-size 8x8",
	"run FILE photo.png -o out", "run net.onnx FILE -o out --json", "eval FILE --data data", "eval net.onnx --data FILE",
	"compile FILE -o new.onnx", "compile FILE --output labels --input uint8 --opset 20 --label-type int64 -o new.onnx", "compile FILE --input-size 33x33 --flip --scales 0.5,1 -o new.onnx",
	"compile FILE --filters 2 --classes 2 --input-size 33x33 -o new.onnx", "compile small.json --weights FILE --filters 2 --classes 2 --input-size 33x33 -o new.onnx",
	"decode FILE -o new.json", "decode FILE --alpha a --beta b", "draw FILE -o out", "import FILE -o new.onnx --arch small.json", "import FILE --map FILE --list -o new.onnx",
	"report FILE", "report out", "search --data data -o out --epochs 0", "data check FILE", "data check data", "data synthesize -o out -n 0", "bench FILE --runs 1 --input-size 9x9",
}

// costly are numbers that make a command line take more time than a fuzzer has, though nothing is wrong with it.
var costly = regexp.MustCompile(`[0-9]{3}|[eE][0-9]|[0-9][hms]`)

// FuzzCommand runs any command line, one argument a line, in a folder of its own, with any contents of one file. Whatever
// it is, the program ends in a status of its own with at most one line on stderr beside warnings, nothing that a terminal
// would obey, and no file half-written.
//
// Arguments that name anything outside the folder are passed over: this is run on people's machines.
func FuzzCommand(f *testing.F) {
	samples := [][]byte{nil, marshal(tiny()), []byte(small), picture(8, 8), []byte("tensor a{i} b{i}")}
	for _, m := range hostileModels {
		samples = append(samples, marshal(m))
	}
	for i, line := range fuzzedLines {
		f.Add(strings.Join(strings.Fields(line), "\n"), samples[i%5])
		f.Add(strings.Join(strings.Fields(line), "\n"), marshal(tiny()))
	}
	for _, s := range samples {
		f.Add("check\nFILE", s)
		f.Add("compile\nFILE\n-o\nnew.onnx", s)
	}
	net, photo := marshal(tiny()), picture(8, 8)
	f.Fuzz(func(t *testing.T, line string, data []byte) {
		args := strings.Split(line, "\n")
		if len(line) > 1<<10 || len(data) > 1<<16 || !harmless(args) {
			return
		}
		dir := t.TempDir()
		t.Chdir(dir)
		for name, data := range map[string][]byte{"FILE": data, "net.onnx": net, "photo.png": photo, "small.json": []byte(small)} {
			if err := os.WriteFile(name, data, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		for _, folder := range []string{"out", "data"} {
			if err := os.Mkdir(folder, 0o777); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join("out", checkpointFile), data, 0o666); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		defer time.AfterFunc(200*time.Millisecond, cancel).Stop()
		var stdout, stderr bytes.Buffer
		status := execute(ctx, args, strings.NewReader(""), &stdout, &stderr)
		if !slices.Contains([]int{0, exitFailure, exitUsage, exitInterrupted}, status) {
			t.Errorf("exit status %d, stderr %q", status, stderr.String())
		}
		lines := 0
		for text := range strings.Lines(stderr.String()) {
			if !strings.HasPrefix(text, "autodeeplab: ") || !strings.HasSuffix(text, "\n") {
				t.Errorf("stderr has the line %q", text)
			}
			if !strings.HasPrefix(text, "autodeeplab: warning: ") {
				lines++
			}
		}
		if lines > 1 || lines == 0 && status != 0 {
			t.Errorf("exit status %d with %d lines, want one: %q", status, lines, stderr.String())
		}
		plain(t, "stderr", stderr.String())
		if left, err := filepath.Glob(filepath.Join(dir, "*", ".*.tmp")); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	})
}

// harmless reports whether a command line stays in its folder, computes for a short time only, and is no request of a
// shell's completion, whose answer on stderr is cobra's own.
func harmless(args []string) bool {
	for _, a := range args {
		if strings.Contains(a, "/") || strings.Contains(a, "..") || strings.ContainsRune(a, 0) || costly.MatchString(a) {
			return false
		}
	}
	for _, a := range args {
		switch a {
		case "demo", "train", "__complete", "__completeNoDesc":
			return false
		case "compile", "bench", "import": // of the published architecture, which is large
			if !slices.ContainsFunc(args, func(a string) bool { return a == "FILE" || a == "small.json" || strings.HasPrefix(a, "--help") }) {
				return false
			}
		}
	}
	return true
}
