package main

import (
	"bytes"
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"autodeeplab/decode"
	"autodeeplab/search"
)

// plainSet writes a small data set of layout plain: squares of three brightnesses.
func plainSet(t *testing.T, dir, name string) {
	t.Helper()
	files := map[string][]byte{name + "/classes.json": []byte(`{"classes": ["dark", "middle", "bright"]}`)}
	for split, n := range map[string]int{"train": 4, "val": 2} {
		for i := range n {
			photo, labels := image.NewGray(image.Rect(0, 0, 40, 36)), image.NewGray(image.Rect(0, 0, 40, 36))
			for y := range 36 {
				for x := range 40 {
					class := uint8((x/9 + y/9 + i) % 3)
					labels.SetGray(x, y, color.Gray{Y: class})
					photo.SetGray(x, y, color.Gray{Y: 40 + 80*class})
				}
			}
			for folder, m := range map[string]image.Image{"images": photo, "labels": labels} {
				var b bytes.Buffer
				if err := png.Encode(&b, m); err != nil {
					t.Fatal(err)
				}
				files[filepath.Join(name, folder, split, string(rune('a'+i))+".png")] = b.Bytes()
			}
		}
	}
	put(t, dir, files)
}

const tinySearch = " --layers 2 --blocks 1 --filters 2 --levels 2 --batch 1 --crops 16 --scale 0.5 --augment false --epochs 3 --arch-epoch 1"

// TestSearch goes from a folder of images to an .onnx.
func TestSearch(t *testing.T) {
	dir := t.TempDir()
	plainSet(t, dir, "data")
	answer := succeed(t, dir, "search --data DIR/data -o DIR/out --validate-every 1"+tinySearch)
	for _, want := range []string{"4 training and 2 validation images, 3 classes", "epoch 3/3", "mIoU", "Next:"} {
		if !strings.Contains(answer, want) {
			t.Errorf("the answer lacks %q:\n%s", want, answer)
		}
	}
	arch, err := decode.ReadFile(filepath.Join(dir, "out", architectureFile))
	if err != nil {
		t.Fatal(err)
	}
	if len(arch.Cell) != 1 || len(arch.Path) != 2 {
		t.Errorf("found %v", arch)
	}
	relaxation, err := decode.ReadRelaxation(filepath.Join(dir, "out", relaxationFile))
	if err != nil {
		t.Fatal(err)
	}
	if d, err := relaxation.Decode(decode.DecodeOptions{Name: arch.Name}); err != nil || !d.Architecture.Equal(arch) {
		t.Errorf("the relaxation decodes to %v, %v", d, err)
	}
	summary, err := search.ReadSummary(filepath.Join(dir, "out", checkpointFile))
	if err != nil {
		t.Fatal(err)
	}
	if !summary.Finished || len(summary.History) != 3 || summary.Options.Layers != 2 {
		t.Errorf("%+v", summary)
	}
	succeed(t, dir, "decode DIR/out/relaxation.safetensors")
	succeed(t, dir, "compile DIR/out/architecture.json --filters 2 --classes 3 --input-size 33x33 -o DIR/net.onnx")

	if lines := strings.Count(string(read(t, filepath.Join(dir, "out", logFile))), "\n"); lines != 4 {
		t.Errorf("%s has %d lines, want a heading and 3 epochs", logFile, lines)
	}
	page := read(t, filepath.Join(dir, "out", reportFile))
	succeed(t, dir, "report DIR/out")
	if !bytes.Equal(page, read(t, filepath.Join(dir, "out", reportFile))) || !bytes.Contains(page, []byte("Architecture search")) {
		t.Error("report writes another page than search did")
	}
	if events, err := filepath.Glob(filepath.Join(dir, "out", "events.out.tfevents.*")); err != nil || len(events) != 1 {
		t.Errorf("event files %v, %v", events, err)
	}

	// The same command gives the same files; a finished search that is resumed changes none.
	succeed(t, dir, "search --data DIR/data -o DIR/again --validate-every 1"+tinySearch)
	for _, name := range []string{checkpointFile, relaxationFile, architectureFile, logFile, reportFile} {
		a, b := read(t, filepath.Join(dir, "out", name)), read(t, filepath.Join(dir, "again", name))
		if !bytes.Equal(a, b) {
			t.Errorf("%s differs between two runs of the same command", name)
		}
	}
	before := read(t, filepath.Join(dir, "out", checkpointFile))
	lines := read(t, filepath.Join(dir, "out", logFile))
	if err := os.Remove(filepath.Join(dir, "out", logFile)); err != nil { // as if it had been killed before the log was written
		t.Fatal(err)
	}
	succeed(t, dir, "search --data DIR/data -o DIR/out --resume --validate-every 1"+tinySearch)
	if !bytes.Equal(before, read(t, filepath.Join(dir, "out", checkpointFile))) {
		t.Error("resuming a finished search changes its state")
	}
	if !bytes.Equal(lines, read(t, filepath.Join(dir, "out", logFile))) {
		t.Errorf("resuming a finished search does not write %s again", logFile)
	}

	fail(t, dir, "search --data DIR/data -o DIR/out"+tinySearch, exitFailure, "a search is here already", "--resume", "--restart")
	fail(t, dir, "search --data DIR/data -o DIR/out --resume --validate-every 1 --rate 0.5"+tinySearch, exitFailure, checkpointFile, "rate 0.05, want 0.5")
	succeed(t, dir, "search --data DIR/data -o DIR/out --restart --seed 9"+tinySearch)
}

// TestSearchErrors holds that each mistake is one line, and that nothing is written.
func TestSearchErrors(t *testing.T) {
	dir := t.TempDir()
	plainSet(t, dir, "data")
	plainSet(t, dir, "lonely")
	plainSet(t, dir, "strange")
	if err := os.Remove(filepath.Join(dir, "lonely/labels/train/b.png")); err != nil {
		t.Fatal(err)
	}
	put(t, dir, map[string][]byte{"empty/": nil, "photo.png": picture(20, 10), "strange/classes.json": []byte(`{"classes": ["dark", "bright"]}`), "broken/checkpoint.safetensors": []byte("12345678")})
	for _, test := range []struct {
		args   string
		status int
		want   []string
	}{
		{"search -o DIR/out", exitUsage, []string{"--data FOLDER"}},
		{"search --data DIR/data", exitUsage, []string{"-o FOLDER"}},
		{"search --data DIR/none -o DIR/out", exitFailure, []string{"none", "no such file"}},
		{"search --data DIR/photo.png -o DIR/out", exitFailure, []string{"photo.png", "want a folder"}},
		{"search --data DIR/empty -o DIR/out", exitFailure, []string{"empty", "none of the layouts fits"}},
		{"search --data DIR/data --layout kitti -o DIR/out", exitFailure, []string{"kitti", "plain"}},
		{"search --data DIR/lonely -o DIR/out", exitFailure, []string{"b.png", "no labels"}},
		{"search --data DIR/strange -o DIR/out --scale 1 --crops 16", exitFailure, []string{"label 2 at column 18, row 0", "want 0 to 1"}},
		{"search --data DIR/data -o DIR/out --scale 0.5 --crops 16,19", exitFailure, []string{"20×18 at scale 0.5", "--crops"}},
		{"search --data DIR/data -o DIR/out --scale 1 --crops 16 --batch 3", exitFailure, []string{"no batch of 3", "--batch"}},
		{"search --data DIR/data -o DIR/out --crops 8", exitUsage, []string{"--crops 8", "16"}},
		{"search --data DIR/data -o DIR/out --layers 0", exitUsage, []string{"0 layers"}},
		{"search --data DIR/data -o DIR/out --rate fast", exitUsage, []string{"rate", "want a number"}},
		{"search --data DIR/data -o DIR/out --preset huge", exitUsage, []string{"huge", "paper or small"}},
		{"search --data DIR/data -o DIR/out --resume", exitFailure, []string{"no search to resume"}},
		{"search --data DIR/data -o DIR/out --resume --restart", exitUsage, []string{"one of them"}},
		{"search --data DIR/data -o DIR/broken --resume --scale 1 --crops 16", exitFailure, []string{"checkpoint.safetensors", "damaged"}},
		{"search --data DIR/data -o DIR/out --cost latency --cost-weight 1 --scale 1 --crops 16 --batch 1", exitFailure, []string{"--cost-table"}},
		{"search --data DIR/data -o DIR/out --cost latency --cost-table DIR/data/classes.json", exitFailure, []string{"classes.json", "unknown field"}},
		{"report DIR/empty", exitFailure, []string{"checkpoint.safetensors", "no such file"}},
		{"report DIR/broken", exitFailure, []string{"checkpoint.safetensors", "damaged"}},
		{"report", exitUsage, []string{"the folder of a search"}},
		{"search --data DIR/data -o DIR/out extra", exitUsage, []string{"no arguments"}},
	} {
		fail(t, dir, test.args, test.status, test.want...)
	}
}

// TestBench measures a small table, and searches with it.
func TestBench(t *testing.T) {
	dir := t.TempDir()
	plainSet(t, dir, "data")
	answer := succeed(t, dir, "bench --table DIR/table.json --filters 2 --blocks 1 --levels 2 --input-size 33x33 --runs 1 --threads 1")
	if !strings.Contains(answer, "sep_conv_5x5") || !strings.Contains(answer, "move down") {
		t.Errorf("the answer is\n%s", answer)
	}
	var table search.CostTable
	if err := json.Unmarshal(read(t, filepath.Join(dir, "table.json")), &table); err != nil {
		t.Fatal(err)
	}
	// A warning may be on stderr: so small a cell soon has skip connections only.
	o := command(t, dir, "search --data DIR/data -o DIR/out --cost latency --cost-table DIR/table.json --cost-weight 0.5"+tinySearch)
	if o.status != 0 || !strings.Contains(o.stdout, "cost ") {
		t.Errorf("exit %d, stderr %q, answer\n%s", o.status, o.stderr, o.stdout)
	}
	fail(t, dir, "bench", exitUsage, "--table FILE")
	fail(t, dir, "bench --table DIR/t.json --input-size dynamic", exitUsage, "a measurement needs a size")
	fail(t, dir, "bench --table DIR/t.json --levels 7", exitFailure, "--levels")
}
