package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spf13/cobra"

	"autodeeplab/dataset"
	"autodeeplab/fixtures"
	"autodeeplab/internal/limits"
	"autodeeplab/onnx"
	"autodeeplab/runtime/onnxruntime"
)

// The tests of the commands run command lines through execute, the whole program but for the process.

var update = flag.Bool("update", false, "write the golden files")

// TestMain hides ONNX Runtime's library, which may or may not be installed here, from all tests.
func TestMain(m *testing.M) {
	flag.Parse()
	status := 1
	defer func() { os.Exit(status) }()
	empty, err := os.MkdirTemp("", "autodeeplab")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(empty)
	os.Setenv("AUTODEEPLAB_CACHE", empty)
	os.Unsetenv(onnxruntime.EnvLibrary)
	status = m.Run()
}

// outcome is what a command line left.
type outcome struct {
	status         int
	stdout, stderr string
}

// command runs a command line; in args, split at blanks, a leading DIR stands for dir.
func command(t *testing.T, dir, args string) outcome {
	t.Helper()
	words := strings.Fields(args)
	for i, w := range words {
		if rest, ok := strings.CutPrefix(w, "DIR"); ok {
			words[i] = dir + rest
		}
	}
	return commandArgs(t, words...)
}

func commandArgs(t *testing.T, args ...string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	status := execute(context.Background(), args, strings.NewReader(""), &stdout, &stderr)
	return outcome{status, stdout.String(), stderr.String()}
}

// succeed runs a command line that must succeed without a word on stderr, and gives its answer.
func succeed(t *testing.T, dir, args string) string {
	t.Helper()
	o := command(t, dir, args)
	if o.status != 0 || o.stderr != "" {
		t.Fatalf("%s: exit %d, stderr %q", args, o.status, o.stderr)
	}
	return o.stdout
}

// fail runs a command line that must fail with a status, one line on stderr that says all of want, and nothing new or
// changed in dir. It gives the line.
func fail(t *testing.T, dir, args string, status int, want ...string) string {
	t.Helper()
	before := contents(t, dir)
	o := command(t, dir, args)
	if o.status != status {
		t.Errorf("%s: exit %d, want %d", args, o.status, status)
	}
	line, ended := strings.CutSuffix(o.stderr, "\n")
	if !ended || !strings.HasPrefix(line, "autodeeplab: ") || onnx.Printable(line) != line || strings.Contains(line, "internal error") {
		t.Errorf("%s: stderr is %q, want one plain line", args, o.stderr)
	}
	for _, w := range want {
		if !strings.Contains(line, w) {
			t.Errorf("%s: stderr is %q, want it to say %q", args, line, w)
		}
	}
	if after := contents(t, dir); !cmp.Equal(before, after) {
		t.Errorf("%s: files were left or changed (-before +after):\n%s", args, cmp.Diff(before, after))
	}
	return line
}

// contents gives every file below dir with its length and its bytes as far as they are few.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	for _, name := range listing(t, dir) {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = info.Mode().String() + info.ModTime().String()
		if !info.IsDir() && info.Size() < 1<<16 {
			files[name] += string(read(t, filepath.Join(dir, name)))
		}
	}
	return files
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// golden compares text with testdata/name; -update writes it. DIR stands there for dir.
func golden(t *testing.T, name, dir, have string) {
	t.Helper()
	if dir != "" {
		have = strings.ReplaceAll(have, dir, "DIR")
	}
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(have), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(string(read(t, path)), have); diff != "" {
		t.Errorf("%s (-want +have; -update writes it anew):\n%s", path, diff)
	}
}

// load reads a model that a command wrote, which must be without findings.
func load(t *testing.T, path string) *onnx.Model {
	t.Helper()
	m, err := onnx.Load(path, onnx.LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func decodePNG(t *testing.T, path string) image.Image {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(read(t, path)))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return img
}

func decodeJSON(t *testing.T, data []byte, into any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		t.Fatalf("%v in %.300s", err, data)
	}
}

// small is an architecture of one block and two layers, which compiles and runs in little time.
const small = `{"format": "autodeeplab.architecture", "version": 1, "name": "small",
	"cell": [[{"input": 0, "op": "sep_conv_3x3"}, {"input": 1, "op": "atr_conv_3x3"}]], "path": [0, 1]}`

// folder is a temporary folder with the architecture small.json, the sample picture street.jpg and the model tiny.onnx.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	put(t, dir, map[string][]byte{"small.json": []byte(small), "street.jpg": fixtures.SampleJPEG, "tiny.onnx": marshal(tiny())})
	return dir
}

func TestVersion(t *testing.T) {
	lines := strings.Split(succeed(t, "", "version"), "\n")
	for i, want := range []string{"autodeeplab ", "writes networks of compiler version ", "operator sets: ai.onnx 7 to ", "engine runtime (the embedded engine): available", "engine onnxruntime (ONNX Runtime " + onnxruntime.Version + "): ", ""} {
		if i >= len(lines) || !strings.HasPrefix(lines[i], want) {
			t.Fatalf("version says %q, want line %d to begin with %q", lines, i, want)
		}
	}
	if short := succeed(t, "", "--version"); !strings.HasPrefix(lines[0]+",", strings.TrimSuffix(short, "\n")+",") {
		t.Errorf("--version says %q, version %q", short, lines[0])
	}
	fail(t, t.TempDir(), "version now", exitUsage, "no arguments", "1 is given")
}

// bareRoot is the tree of commands, to look at and not to run.
func bareRoot() *cobra.Command { return newRoot(&app{limits: limits.Default(), stdout: &answer{}}) }

// TestHelp holds the help of every command as golden text, so that a change of it is seen.
func TestHelp(t *testing.T) {
	root := bareRoot()
	var all strings.Builder
	names := []string{""}
	for _, c := range root.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
		for _, inner := range commandNames(c) {
			names = append(names, c.Name()+" "+inner)
		}
	}
	for _, name := range names {
		text := succeed(t, "", strings.TrimSpace(name+" --help"))
		all.WriteString("$ autodeeplab " + strings.TrimSpace(name+" --help") + "\n" + text + "\n")
		if name != "" && succeed(t, "", "help "+name) != text {
			t.Errorf("help %s is not %s --help", name, name)
		}
		for _, line := range strings.Split(text, "\n") {
			if n := len([]rune(line)); n > 125 {
				t.Errorf("%s --help has a line of %d characters: %s", name, n, line)
			}
		}
	}
	if succeed(t, "", "") != succeed(t, "", "--help") || succeed(t, "", "help") != succeed(t, "", "--help") {
		t.Error("no command, help and --help say different things")
	}
	golden(t, "help.txt", "", all.String())
}

// TestExamples runs the flags of every example in the help: none may be unknown.
func TestExamples(t *testing.T) {
	root := bareRoot()
	seen := 0
	for _, c := range append(root.Commands(), root) {
		for _, line := range strings.Split(c.Example, "\n") {
			line, _, _ = strings.Cut(strings.TrimSpace(line), "  #")
			args, ours := strings.CutPrefix(line, "autodeeplab ")
			if !ours {
				continue
			}
			args, _, _ = strings.Cut(args, " |")
			args, _, _ = strings.Cut(args, " >")
			args, _, _ = strings.Cut(args, " &&")
			target, rest, err := root.Find(strings.Fields(args))
			if err != nil || target == root {
				t.Errorf("%s: %v", line, err)
				continue
			}
			if err := target.ParseFlags(rest); err != nil {
				t.Errorf("%s: %v", line, err)
			} else if err := target.ValidateArgs(target.Flags().Args()); err != nil {
				t.Errorf("%s: %v", line, err)
			}
			seen++
		}
	}
	if seen < 15 {
		t.Errorf("only %d examples were found", seen)
	}
}

// TestUsage lists wrong command lines: a word that is unknown names the one that was meant.
func TestUsage(t *testing.T) {
	for _, test := range []struct {
		args string
		want string
	}{
		{"compil", "did you mean compile?"},
		{"versoin", "did you mean version?"},
		{"frobnicate", `unknown command "frobnicate" (autodeeplab --help lists them)`},
		{"help sumary", "did you mean summary?"},
		{"help run draw", "at most one command"},
		{"--versoin", "did you mean --version?"},
		{"run --theads 2", "did you mean --threads?"},
		{"compile --ouput x.onnx", "did you mean --output?"},
		{"compile --zzzzzz", "unknown flag --zzzzzz (autodeeplab compile --help lists them)"},
		{"run -x", "unknown flag -x (autodeeplab run --help lists them)"},
		{"compile", "-o NET.onnx"},
		{"draw", "-o DIR"},
		{"run DIR/tiny.onnx", "one or more pictures"},
		{"run DIR/tiny.onnx DIR/street.jpg", "-o DIR"},
		{"run DIR/tiny.onnx DIR/street.jpg -o DIR/out --alpha 2", "--alpha 2: want 0 to 1"},
		{"run DIR/tiny.onnx DIR/street.jpg -o DIR/out --alpha nan", "--alpha"},
		{"run DIR/tiny.onnx DIR/street.jpg -o DIR/out --threads -1", "--threads -1"},
		{"run DIR/tiny.onnx DIR/street.jpg -o DIR/out --max-side -1", "--max-side -1"},
		{"run DIR/tiny.onnx DIR/street.jpg -o DIR/out --limit picture-pixels=0", "picture-pixels=0"},
		{"run DIR/tiny.onnx DIR/street.jpg -o DIR/out --dataset coco", "ade20k"},
		{"run DIR/tiny.onnx DIR/street.jpg -o DIR/out --engine tf", "runtime or onnxruntime"},
		{"compile a.json b.json -o DIR/x.onnx", "at most one architecture or network, but 2 are given"},
		{"compile -o DIR", "it is a folder"},
		{"compile -o DIR/x.onnx --size XL", "S, M or L"},
		{"compile -o DIR/x.onnx --size M --filters 4", "give one of them"},
		{"compile -o DIR/x.onnx --filters 0", "--filters"},
		{"compile -o DIR/x.onnx --classes 0", "--classes"},
		{"compile -o DIR/x.onnx --classes 5 --dataset voc", "voc has 21"},
		{"compile -o DIR/x.onnx --dataset coco", "ade20k"},
		{"compile -o DIR/x.onnx --form both", "training or inference"},
		{"compile -o DIR/x.onnx --opset 10", "want 11 to"},
		{"compile -o DIR/x.onnx --seed -1", "--seed"},
		{"compile -o DIR/x.onnx --threads -1", "--threads"},
		{"compile -o DIR/x.onnx --input-size 513", "HEIGHTxWIDTH"},
		{"compile -o DIR/x.onnx --input-size 32x32", "--input-size"},
		{"compile -o DIR/x.onnx --batch 0", "--batch"},
		{"summary --input-size dynamic", "--input-size HxW"},
		{"summary --batch dynamic", "--batch N"},
		{"summary DIR/tiny.onnx --size L", "--size is for an architecture"},
		{"show", "none is given"},
		{"check", "none is given"},
		{"draw -o DIR/out --format gif", "svg or png"},
		{"draw -o DIR/out --format=", "svg or png"},
		{"demo now", "no arguments"},
		{"demo --input-size 8x8 -o DIR/out", "--input-size"},
		{"completion", "none is given"},
		{"completion tcsh", "bash, fish, powershell or zsh"},
		{"completion zhs", "did you mean zsh?"},
		{"completion bash extra", "2 are given"},
	} {
		t.Run(test.args, func(t *testing.T) { fail(t, folder(t), test.args, exitUsage, test.want) })
	}
}

func TestCompletion(t *testing.T) {
	for shell := range completions {
		if script := succeed(t, "", "completion "+shell); !strings.Contains(script, "autodeeplab") || strings.Count(script, "\n") < 20 {
			t.Errorf("%s: %.200q", shell, script)
		}
	}
	// What the scripts ask the program as someone types; of the values that it lists they pick those that fit.
	for _, test := range []struct {
		typed []string
		want  []string
	}{
		{[]string{""}, append(commandNames(bareRoot()), "help")},
		{[]string{"comp"}, []string{"compile", "completion"}},
		{[]string{"run", "--engine", ""}, []string{"runtime", "onnxruntime"}},
		{[]string{"run", "--keep"}, []string{"--keep-going"}},
		{[]string{"compile", "--form", ""}, []string{"training", "inference"}},
		{[]string{"compile", "--size", ""}, []string{"S", "M", "L"}},
		{[]string{"compile", "--dataset", ""}, dataset.Names()},
		{[]string{"compile", "--output", ""}, []string{"logits", "probabilities", "labels"}},
		{[]string{"compile", "--with-pass", ""}, []string{"upsampled-conv", "integer-resize", "channels-last-labels"}},
		{[]string{"draw", "--format", ""}, []string{"svg", "png"}},
		{[]string{"eval", "--save-format", ""}, []string{"cityscapes", "voc", "index"}},
		{[]string{"completion", ""}, []string{"bash", "fish", "powershell", "zsh"}},
	} {
		o := commandArgs(t, append([]string{"__complete"}, test.typed...)...)
		var have []string
		for _, line := range strings.Split(o.stdout, "\n") {
			word, _, _ := strings.Cut(line, "\t")
			if word != "" && !strings.HasPrefix(word, ":") {
				have = append(have, word)
			}
		}
		slices.Sort(have)
		slices.Sort(test.want)
		if o.status != 0 || !slices.Equal(have, test.want) {
			t.Errorf("%q: exit %d, %q, want %q", test.typed, o.status, have, test.want)
		}
	}
}

// failing is a stdout that takes nothing, as a full disk.
type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestLostAnswer(t *testing.T) {
	dir := folder(t)
	for _, args := range []string{"version", "--help", "summary DIR/small.json", "summary DIR/small.json --json", "show DIR/tiny.onnx", "check DIR/tiny.onnx", "completion bash"} {
		var stderr bytes.Buffer
		status := execute(context.Background(), strings.Fields(strings.ReplaceAll(args, "DIR", dir)), nil, failing{}, &stderr)
		if line := stderr.String(); status != exitFailure || !strings.Contains(line, "no space left on device") || strings.Count(line, "\n") != 1 {
			t.Errorf("%s: exit %d, stderr %q", args, status, line)
		}
	}
}

// TestInternalError shows that a defect is one line, too: a command that panics.
func TestInternalError(t *testing.T) {
	var stderr bytes.Buffer
	status := execute(context.Background(), []string{"version"}, nil, panicking{}, &stderr)
	if line := stderr.String(); status != exitInternal || !strings.Contains(line, `internal error: a\x1b[31mb`) || strings.Count(line, "\n") != 1 {
		t.Errorf("exit %d, stderr %q", status, line)
	}
}

type panicking struct{}

func (panicking) Write([]byte) (int, error) { panic("a\x1b[31mb\nc") }

func TestInterrupted(t *testing.T) {
	dir := folder(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	before := contents(t, dir)
	for _, args := range []string{"run DIR/tiny.onnx DIR/street.jpg -o DIR/out", "run DIR/tiny.onnx DIR/street.jpg -o DIR/out --keep-going", "compile DIR/small.json --input-size 33x33 --bn-images DIR/street.jpg -o DIR/net.onnx"} {
		var stdout, stderr bytes.Buffer
		status := execute(ctx, strings.Fields(strings.ReplaceAll(args, "DIR", dir)), nil, &stdout, &stderr)
		if status != exitInterrupted || stderr.String() != "autodeeplab: interrupted\n" {
			t.Errorf("%s: exit %d, stderr %q", args, status, stderr.String())
		}
		if after := contents(t, dir); !cmp.Equal(before, after) {
			t.Errorf("%s: %s", args, cmp.Diff(before, after))
		}
	}
}

// rgb makes an opaque colour comparable.
func rgb(c color.Color) [3]uint8 {
	r, g, b, _ := c.RGBA()
	return [3]uint8{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8)}
}
