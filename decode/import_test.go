package decode

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// imported is what the files of testdata/import decode to, by the script that made them.
func imported(t *testing.T) (a *Architecture, score float64) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "import", "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	var want struct {
		Cell []Block
		Path []int
		// Score is the product of β.
		Score float64
	}
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	return &Architecture{Cell: want.Cell, Path: want.Path}, want.Score
}

func importFiles(names ...string) []string {
	paths := make([]string, len(names))
	for i, n := range names {
		paths[i] = filepath.Join("testdata", "import", n)
	}
	return paths
}

// probabilityOperators are the columns of probabilities.npz.
var probabilityOperators = []Operator{SkipConnect, None, MaxPool3x3, AvgPool3x3, AtrConv5x5, AtrConv3x3, SepConv5x5, SepConv3x3}

func TestImport(t *testing.T) {
	want, score := imported(t)
	for _, c := range []struct {
		files string
		o     ImportOptions
	}{
		{files: "noam.npz"},
		{files: "noam_compressed.npz"},
		{files: "alphas.npy betas.npy"},
		{files: "betas.npy alphas.npy"},
		{files: "menghao_decoder.npz", o: ImportOptions{BetaConvention: OutgoingPacked}},
		{files: "menghao_forward.npz", o: ImportOptions{BetaConvention: IncomingPacked}},
		{files: "incoming.npz", o: ImportOptions{AlphaOrder: OldestFirst, BetaConvention: Incoming, Operators: Operators()}},
		{files: "incoming.npz", o: ImportOptions{
			AlphaName: "a", BetaName: "b", AlphaOrder: OldestFirst, BetaConvention: Incoming, Operators: Operators(), Values: Logits}},
		{files: "probabilities.npz", o: ImportOptions{
			AlphaOrder: NewestFirst, BetaConvention: Outgoing, Operators: probabilityOperators, Values: Probabilities}},
		{files: "checkpoint.pth"},
		{files: "checkpoint_legacy.pth"},
		{files: "parallel.pth"},
		{files: "whole_model.pth"},
		{files: "checkpoint.pth", o: ImportOptions{AlphaName: "alphas", BetaName: "state_dict.betas"}},
		{files: "list.pth", o: ImportOptions{AlphaOrder: OldestFirst, BetaConvention: Outgoing, Operators: Operators()}},
	} {
		r, err := ImportRelaxation(c.o, importFiles(strings.Fields(c.files)...)...)
		if err != nil {
			t.Errorf("%s: %v", c.files, err)
			continue
		}
		d, err := r.Decode(DecodeOptions{})
		if err != nil {
			t.Errorf("%s: %v", c.files, err)
			continue
		}
		if !d.Architecture.Equal(want) || math.Abs(d.Paths[0].Score-score) > 1e-6*score {
			t.Errorf("%s: score %g\n%swant %g\n%s", c.files, d.Paths[0].Score, d.Architecture, score, want)
		}
		if r.Blocks != 5 || r.Layers != 12 || r.Levels != 4 {
			t.Errorf("%s: %d blocks, %d layers, %d levels", c.files, r.Blocks, r.Layers, r.Levels)
		}
	}
}

// TestImportsAgree holds that the same numbers come out of every form, to the last bit where they are stored so.
func TestImportsAgree(t *testing.T) {
	want, err := ImportRelaxation(ImportOptions{}, importFiles("noam.npz")...)
	if err != nil {
		t.Fatal(err)
	}
	for _, files := range []string{"checkpoint.pth", "checkpoint_legacy.pth", "parallel.pth", "whole_model.pth", "alphas.npy betas.npy"} {
		got, err := ImportRelaxation(ImportOptions{}, importFiles(strings.Fields(files)...)...)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got.Alpha, want.Alpha) || !slices.Equal(got.Beta, want.Beta) {
			t.Errorf("%s differs from noam.npz", files)
		}
	}
}

func TestImportOwn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.npz") // the contents count, not the name
	if err := WriteRelaxation(path, OneHot(Published())); err != nil {
		t.Fatal(err)
	}
	r, err := ImportRelaxation(ImportOptions{}, path)
	if err != nil {
		t.Fatal(err)
	}
	if d, err := r.Decode(DecodeOptions{Name: Published().Name}); err != nil || !d.Architecture.Equal(Published()) {
		t.Errorf("%v, %v", d, err)
	}
	if _, err := ImportRelaxation(ImportOptions{Values: Logits}, path); err == nil || !strings.Contains(err.Error(), "needs no options") {
		t.Error(err)
	}
	if _, err := ImportRelaxation(ImportOptions{}, path, importFiles("betas.npy")[0]); err == nil || !strings.Contains(err.Error(), "no second file") {
		t.Error(err)
	}
}

func TestImportAmbiguous(t *testing.T) {
	for _, c := range []struct {
		files   string
		o       ImportOptions
		options []ImportOption
		want    string
	}{
		{"menghao_decoder.npz", ImportOptions{}, []ImportOption{OptionBetaConvention}, "its decoder as outgoing-packed"},
		{"incoming.npz", ImportOptions{}, []ImportOption{OptionAlphaOrder, OptionBetaConvention, OptionOperators}, `"a" and "b" are the arrays of no known program`},
		{"incoming.npz", ImportOptions{AlphaOrder: NewestFirst, Operators: Operators()}, []ImportOption{OptionBetaConvention}, "no known program"},
		{"incoming.npz", ImportOptions{AlphaName: "a"}, []ImportOption{OptionBetaName}, `which array is β? There are: "a", "b"`},
		{
			"probabilities.npz", ImportOptions{AlphaOrder: NewestFirst, BetaConvention: Outgoing, Operators: probabilityOperators},
			[]ImportOption{OptionValues}, `every row of "ours" is positive and adds up to 1`,
		},
		{"checkpoint.pth whole_model.pth", ImportOptions{}, []ImportOption{OptionAlphaName}, `"alphas" is the name of several arrays`},
		{"list.pth", ImportOptions{}, []ImportOption{OptionAlphaOrder, OptionBetaConvention, OptionOperators}, "no known program"},
	} {
		_, err := ImportRelaxation(c.o, importFiles(strings.Fields(c.files)...)...)
		var ambiguous *AmbiguousError
		if !errors.As(err, &ambiguous) || !slices.Equal(ambiguous.Options, c.options) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s, %+v: %v, want %v and %s", c.files, c.o, err, c.options, c.want)
		}
	}
}

// TestImportBad is about files that are not what they seem.
func TestImportBad(t *testing.T) {
	read := func(name string) []byte {
		data, err := os.ReadFile(importFiles(name)[0])
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	npy, pth, legacy, npz := read("alphas.npy"), read("checkpoint.pth"), read("checkpoint_legacy.pth"), read("noam.npz")
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"empty", nil, "empty"},
		{"text", []byte("alphas: 1 2 3 and so on"), "neither a TensorFlow checkpoint"},
		{"cut-off npz", npz[:len(npz)/2], "damaged zip"},
		{"cut-off pth", pth[:len(pth)-30], "damaged zip"},
		{"cut-off legacy, in the storages", legacy[:len(legacy)-900], "where the pickle says"},
		{"cut-off legacy, in the pickle", legacy[:500], "cut off"},
		{"a pickle that is no checkpoint", []byte("\x80\x02K\x01."), "not one that torch.save wrote"},
		{"a pickle that asks for 4 GiB", []byte("\x80\x02B\xff\xff\xff\xff."), "not one that torch.save wrote"},
		{"a zip of nothing", []byte("PK\x05\x06" + strings.Repeat("\x00", 18)), "neither"},
		{"one npy alone", npy, "which array is"},
		{"npy cut off", npy[:len(npy)-4], ""},
		{"npy with a header of 60 kB", append([]byte("\x93NUMPY\x01\x00\xff\xf0"), make([]byte, 100)...), ""},
		{"tar", append(make([]byte, 257), "ustar\x0000"...), "before 0.1.10"},
	} {
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, c.data, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := ImportRelaxation(ImportOptions{}, path)
		if err == nil || !strings.HasPrefix(err.Error(), path) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
	for name, want := range map[string]string{
		"four_tensors.pth": "before September 2019",
		"nothing.npz":      "no such file",
		"":                 "not a file",
	} {
		if _, err := ImportRelaxation(ImportOptions{}, importFiles(name)[0]); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
	for _, o := range []ImportOptions{
		{AlphaOrder: "x"}, {BetaConvention: "x"}, {Values: "x"}, {Operators: Operators()[:7]}, {Operators: make([]Operator, 8)},
		{AlphaName: "nothing", BetaName: "betas"}, {AlphaName: "betas", BetaName: "betas"}, {AlphaName: "alphas", BetaName: "alphas"},
	} {
		if _, err := ImportRelaxation(o, importFiles("noam.npz")...); err == nil {
			t.Errorf("%+v is accepted", o)
		}
	}
}
