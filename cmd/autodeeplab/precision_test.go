package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"autodeeplab/compile"
	"autodeeplab/compile/precision"
	"autodeeplab/fixtures"
	"autodeeplab/onnx"
	"autodeeplab/onnx/check"
)

// TestCompilePrecision compiles to both precisions from an architecture and from a file, in other forms, and runs the
// results.
func TestCompilePrecision(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "photos"), 0o777); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a.jpg", "b.jpg", "c.jpg"} {
		if err := os.WriteFile(filepath.Join(dir, "photos", name), fixtures.SampleJPEG, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	small := "--filters 4 --classes 5 --input-size 65x97"
	succeed(t, dir, "compile --form training -o DIR/train.onnx --bn-images DIR/photos/a.jpg "+small)
	for _, test := range []struct {
		args, says, method string
		pictures           int
	}{
		{"DIR/train.onnx --precision int8 --calibration DIR/photos --calibration-images 2 --input uint8 --output labels --int8-report DIR/layers.csv", "ranges by minmax of 2 pictures", "minmax", 2},
		{small + " --precision int8 --calibration DIR/photos/b.jpg --calibration-method entropy --int8-threshold 0.5 --keep-float aspp", "ranges by entropy of 1 picture", "entropy", 1},
		{"DIR/train.onnx --precision int8 --calibration DIR/photos/c.jpg --calibration-method percentile --batch dynamic --input-size dynamic --opset 13", "ranges by percentile 99.99 of 1 picture", "percentile", 1},
		{"DIR/train.onnx --precision fp16 --calibration DIR/photos --batch 2 --output probabilities", "measured on 3 pictures", "", 3},
		{"DIR/train.onnx --precision fp16 --opset 11 --output-stride 4", "no --calibration", "", 0},
	} {
		answer := succeed(t, dir, "compile -o DIR/net.onnx "+test.args)
		if !strings.Contains(answer, test.says) || !strings.Contains(answer, "float stay:\n") || test.pictures > 0 && !strings.Contains(answer, "beside float, on ") {
			t.Errorf("%s: compile says\n%s", test.args, answer)
		}
		m := load(t, filepath.Join(dir, "net.onnx"))
		for _, f := range check.Model(m, check.Options{}) {
			t.Errorf("%s: %s", test.args, f)
		}
		r, err := precision.Read(onnx.Metadata(m))
		if err != nil || r == nil || r.Method != test.method || r.Pictures != test.pictures || len(r.Float) == 0 {
			t.Errorf("%s: the record is %+v (%v)", test.args, r, err)
		}
		if !strings.Contains(test.args, "--batch 2") {
			succeed(t, dir, "run DIR/net.onnx DIR/photos/a.jpg -o DIR/masks")
		}
		// Another form of the same keeps the record.
		succeed(t, dir, "compile DIR/net.onnx -o DIR/again.onnx")
		if again := load(t, filepath.Join(dir, "again.onnx")); onnx.Metadata(again)[compile.KeyPrecision] != onnx.Metadata(m)[compile.KeyPrecision] {
			t.Errorf("%s: the record is lost", test.args)
		}
	}
	report, err := os.ReadFile(filepath.Join(dir, "layers.csv"))
	if err != nil || !strings.HasPrefix(string(report), "node,operator,relative_error,sqnr_db,precision\n") || strings.Count(string(report), "\n") < 300 {
		t.Errorf("the report is %.200s (%v)", report, err)
	}
}

func TestCompilePrecisionErrors(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "empty"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "a.jpg"), fixtures.SampleJPEG, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args   string
		status int
		want   string
	}{
		{"--precision int8", 2, "int8 needs pictures to measure ranges on (--calibration"},
		{"--precision int8 --calibration DIR/empty", 1, "no pictures in this folder"},
		{"--precision int8 --calibration DIR/missing", 1, "missing"},
		{"--precision int4", 2, `"int4" is no precision, want fp32, fp16, int8`},
		{"--precision int8 --calibration DIR/a.jpg --opset 12", 2, "--precision int8 needs 13 or newer"},
		{"--precision int8 --calibration DIR/a.jpg --form training", 2, "a training form is float32: --precision int8 needs --form inference"},
		{"--precision int8 --calibration DIR/a.jpg --calibration-method mse", 2, "want minmax, percentile, entropy"},
		{"--precision int8 --calibration DIR/a.jpg --calibration-images 0", 2, "--calibration-images 0: want 1 or more"},
		{"--precision int8 --calibration DIR/a.jpg --keep-float nowhere", 2, `no node is named "nowhere"`},
		{"--precision fp16 --calibration-method minmax", 2, "it needs --precision int8"},
		{"--precision fp16 --int8-threshold 0.1", 2, "--int8-threshold needs --precision int8"},
		{"--precision fp16 --int8-report DIR/r.csv", 2, "it needs --precision int8"},
		{"--calibration DIR/a.jpg", 2, "--calibration needs --precision fp16 or int8"},
		{"--calibration-images 3", 2, "it needs --calibration"},
	} {
		fail(t, dir, "compile -o DIR/net.onnx --filters 1 --classes 2 --input-size 33x33 "+test.args, test.status, test.want)
	}
}
