package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"autodeeplab/internal/imageio"
	"autodeeplab/onnx"
	"autodeeplab/search"
	"autodeeplab/train"
)

var kills = flag.Int("kills", 2, "how many times TestKilled kills each command")

// envProgram makes the test binary be the program itself.
const envProgram = "AUTODEEPLAB_TEST_PROGRAM"

func init() {
	if os.Getenv(envProgram) != "" {
		os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
}

// program starts a command line as a process of its own, in dir.
func program(dir string, args ...string) (*exec.Cmd, *bytes.Buffer) {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), envProgram+"=1")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	return cmd, &stderr
}

// killCase is a command that writes files.
type killCase struct {
	name, args string
	// resume is what goes on after a kill where begun exists; without it the same command line does.
	resume, begun string
	// before are command lines that make what the files are written over.
	before []string
	// judge looks at what a kill has left, beyond that every file is as before or as at the end. It takes over that too
	// for the files of others.
	judge  func(dir string) error
	others []string // patterns
}

var killCases = []killCase{
	{name: "compile", args: "compile small.json --filters 4 --classes 3 --input-size 33x33 --seed 2 -o out/net.onnx",
		before: []string{"compile small.json --filters 4 --classes 3 --input-size 33x33 --seed 1 -o out/net.onnx"}},
	{name: "compile with external data", args: "compile small.json --filters 4 --classes 3 --input-size 33x33 --external-data always --seed 2 -o out/net.onnx",
		before: []string{"compile small.json --filters 4 --classes 3 --input-size 33x33 --external-data always --seed 1 -o out/net.onnx"},
		others: []string{"out/net.onnx"}, judge: wholePair},
	{name: "import", args: "import own.npz --arch plain.json --input-size 33x33 -o out/net.onnx"},
	{name: "search", args: "search --data data -o out/s --checkpoint-every 1ms" + tinySearch,
		resume: "search --data data -o out/s --checkpoint-every 1ms --resume" + tinySearch, begun: "out/s/" + checkpointFile,
		others: []string{"out/s/" + checkpointFile, "out/s/" + logFile, "out/s/*tfevents*"}, judge: wholeSearch},
	{name: "train", args: "train arch.json --data data -o out/t --checkpoint-every 1ms" + tinyTrain,
		resume: "train arch.json --data data -o out/t --checkpoint-every 1ms --resume" + tinyTrain, begun: "out/t/" + checkpointFile,
		others: []string{"out/t/*"}, judge: wholeTraining},
	{name: "run on a folder", args: "run tiny.onnx photos -o out", others: []string{"out/*.json"}, judge: wholeJSON},
	{name: "eval", args: "eval tiny.onnx --data data --save out -o out/report.json", others: []string{"out/*.json"}, judge: wholeJSON},
	{name: "draw", args: "draw small.json -o out"},
	{name: "data synthesize", args: "data synthesize --images 12 --size 65x65 -o out/set"},
	{name: "decode", args: "decode relaxation.safetensors -o out/found.json"},
	{name: "report", args: "report s"},
}

// TestKilled kills every writing command at random instants (-kills 100 for the long form). What stands under a final name
// is then what stood there before or what stands there at the end, and the same command, or its --resume, comes to the very
// same end.
func TestKilled(t *testing.T) {
	for i, c := range killCases {
		t.Run(c.name, func(t *testing.T) { c.run(t, rand.New(rand.NewPCG(41, uint64(i)))) })
	}
}

// searched are the files of a search that decode and report begin with.
var searched map[string][]byte

// prepare makes a folder in which every command of killCases can run.
func (c *killCase) prepare(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	put(t, dir, map[string][]byte{"small.json": []byte(small), "arch.json": []byte(tinyCell), "tiny.onnx": marshal(tiny()), "out/": nil,
		"photos/a.png": picture(40, 30), "photos/b.png": picture(64, 64), "photos/c.png": picture(30, 40),
		"own.npz": read(t, networks+"own.npz"), "plain.json": read(t, networks+"plain.json")})
	plainSet(t, dir, "data")
	for _, args := range c.before {
		finish(t, dir, args)
	}
	if c.name == "decode" || c.name == "report" {
		if searched == nil {
			finish(t, dir, "search --data data -o s"+tinySearch)
			searched = map[string][]byte{"relaxation.safetensors": read(t, filepath.Join(dir, "s", relaxationFile)),
				"s/" + checkpointFile: read(t, filepath.Join(dir, "s", checkpointFile))}
			if err := os.RemoveAll(filepath.Join(dir, "s")); err != nil {
				t.Fatal(err)
			}
		}
		put(t, dir, searched)
	}
	return dir
}

// finish runs a command line to its end and says how long that took.
func finish(t *testing.T, dir, args string) time.Duration {
	t.Helper()
	began := time.Now()
	cmd, stderr := program(dir, strings.Fields(args)...)
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v, %s", args, err, stderr)
	}
	return time.Since(began)
}

func (c *killCase) run(t *testing.T, r *rand.Rand) {
	undisturbed := c.prepare(t)
	old := files(t, undisturbed)
	took := finish(t, undisturbed, c.args)
	want := files(t, undisturbed)
	dir := c.prepare(t)
	killed, ended := 0, 0
	for killed < *kills {
		args := c.args
		if _, err := os.Stat(filepath.Join(dir, c.begun)); c.resume != "" && err == nil {
			args = c.resume
		}
		cmd, stderr := program(dir, strings.Fields(args)...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(r.Int64N(int64(took)*5/4 + 1)))
		if err := cmd.Process.Kill(); err != nil && err != os.ErrProcessDone {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err == nil { // it came to its end before: begin again
			c.compare(t, dir, want)
			ended++
			if took = took * 9 / 10; ended%10 == 0 { // the machine has become faster, or slower
				took = finish(t, c.prepare(t), c.args)
			}
			dir = c.prepare(t)
			if ended > 20**kills {
				t.Fatalf("only %d kills in %d tries", killed, ended)
			}
			continue
		} else if cmd.ProcessState.ExitCode() >= 0 {
			t.Fatalf("%s, after %d kills: %v, %s", args, killed, err, stderr)
		}
		killed++
		c.check(t, dir, old, want)
		if t.Failed() {
			t.Fatalf("after %d kills", killed)
		}
	}
	args := c.args
	if _, err := os.Stat(filepath.Join(dir, c.begun)); c.resume != "" && err == nil {
		args = c.resume
	}
	finish(t, dir, args)
	c.compare(t, dir, want)
	t.Logf("killed %d times within %v; came to its end %d times in between", killed, took.Round(time.Millisecond), ended)
}

// files gives the files below dir that are no temporary ones.
func files(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	found := make(map[string][]byte)
	for _, name := range listing(t, dir) {
		if base := filepath.Base(name); strings.HasPrefix(base, ".") && strings.HasSuffix(base, ".tmp") {
			continue
		}
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err != nil {
			t.Fatal(err)
		} else if info.Mode().IsRegular() {
			found[name] = read(t, path)
		}
	}
	return found
}

func (c *killCase) other(name string) bool {
	return slices.ContainsFunc(c.others, func(p string) bool { ok, _ := filepath.Match(p, name); return ok })
}

func (c *killCase) check(t *testing.T, dir string, old, want map[string][]byte) {
	t.Helper()
	for name, data := range files(t, dir) {
		before, wasThere := old[name]
		after, comes := want[name]
		if !c.other(name) && !(wasThere && bytes.Equal(data, before)) && !(comes && bytes.Equal(data, after)) {
			t.Errorf("%s, of %d bytes, is neither as before nor as at the end", name, len(data))
		}
	}
	if c.judge != nil {
		if err := c.judge(dir); err != nil {
			t.Error(err)
		}
	}
}

// compare holds that the end is that of a command that nobody killed. JSON that tells of times, and event files, differ.
func (c *killCase) compare(t *testing.T, dir string, want map[string][]byte) {
	t.Helper()
	got := files(t, dir)
	for name, data := range want {
		if strings.Contains(name, "tfevents") {
			continue
		}
		if have, ok := got[name]; !ok || !bytes.Equal(have, data) && !(c.other(name) && strings.HasSuffix(name, ".json")) {
			t.Errorf("%s (there: %v) differs at the end from that of a command that nobody killed", name, ok)
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok && !strings.Contains(name, "tfevents") {
			t.Errorf("%s is there at the end", name)
		}
	}
}

// wholePair holds that a model goes with the data beside it: they are the old ones, the new ones, or there is no model.
func wholePair(dir string) error {
	path := filepath.Join(dir, "out", "net.onnx")
	if _, err := os.Stat(path); os.IsNotExist(err) {
		return nil
	}
	m, err := onnx.Load(path, onnx.LoadOptions{})
	if err != nil {
		return err
	}
	data, err := onnx.Marshal(m)
	if err != nil {
		return err
	}
	for seed := range 2 {
		whole := filepath.Join(dir, fmt.Sprintf("whole%d.onnx", seed+1))
		if _, err := os.Stat(whole); err != nil {
			cmd, _ := program(dir, strings.Fields(fmt.Sprintf("compile small.json --filters 4 --classes 3 --input-size 33x33 --seed %d -o %s", seed+1, whole))...)
			if err := cmd.Run(); err != nil {
				return err
			}
			defer os.Remove(whole)
		}
		w, err := os.ReadFile(whole)
		if err != nil {
			return err
		}
		if bytes.Equal(data, w) {
			return nil
		}
	}
	return fmt.Errorf("%s does not go with the data beside it", path)
}

// wholeSearch holds that a search's state is one that it goes on from, and that its log has whole lines.
func wholeSearch(dir string) error {
	path := filepath.Join(dir, "out/s", checkpointFile)
	if _, err := os.Stat(path); os.IsNotExist(err) {
		return nil
	}
	if _, err := search.ReadSummary(path); err != nil {
		return err
	}
	return wholeLog(filepath.Join(dir, "out/s", logFile))
}

func wholeLog(path string) error {
	log, err := os.ReadFile(path)
	if err == nil && !bytes.HasSuffix(log, []byte("\n")) {
		return fmt.Errorf("%s ends in %q", path, log[max(0, len(log)-20):])
	}
	return nil
}

// wholeTraining is wholeSearch for trainings, whose models and sample pictures are whole too.
func wholeTraining(dir string) error {
	out := filepath.Join(dir, "out/t")
	if _, err := os.Stat(filepath.Join(out, checkpointFile)); err == nil {
		if _, err := train.ReadSummary(filepath.Join(out, checkpointFile)); err != nil {
			return err
		}
	}
	models, err := filepath.Glob(filepath.Join(out, "*.onnx"))
	if err != nil {
		return err
	}
	for _, path := range models {
		if _, err := onnx.Load(path, onnx.LoadOptions{}); err != nil {
			return err
		}
	}
	pictures, err := filepath.Glob(filepath.Join(out, "*.png"))
	if err != nil {
		return err
	}
	for _, path := range pictures {
		if _, err := imageio.ReadFile(path, 0); err != nil {
			return err
		}
	}
	return wholeLog(filepath.Join(out, logFile))
}

// wholeJSON holds that every JSON file in out is whole.
func wholeJSON(dir string) error {
	names, err := filepath.Glob(filepath.Join(dir, "out", "*.json"))
	if err != nil {
		return err
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if !json.Valid(data) {
			return fmt.Errorf("%s is no JSON", name)
		}
	}
	return nil
}
