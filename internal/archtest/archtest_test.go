package archtest

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "autodeeplab"

// rooms lists, for each folder, the project's folders that its non-test files may import, subfolders included. The
// longest matching folder counts. A folder may always import what lies inside itself.
var rooms = map[string][]string{
	"onnx/tensor":           {},
	"onnx/pb":               {},
	"onnx":                  {"onnx/pb", "onnx/tensor", "internal/atomicfile"},
	"onnx/op":               {"onnx", "onnx/pb", "onnx/tensor"},
	"onnx/check":            {"onnx", "onnx/pb", "onnx/op", "onnx/tensor"},
	"decode":                {"fixtures", "internal/atomicfile", "weights/checkpoint"},
	"decode/draw":           {"decode"},
	"weights":               {"compile", "decode", "onnx"},
	"weights/checkpoint":    {"onnx/tensor", "internal/crc32c", "internal/jsonsize"},
	"compile":               {"decode", "onnx"},
	"compile/pass":          {"onnx"},
	"compile/precision":     {"compile", "onnx", "runtime"},
	"compile/target":        {"compile", "onnx", "internal/atomicfile"},
	"runtime":               {"onnx", "internal/kernel", "internal/offheap"},
	"runtime/internal/exec": {"onnx", "internal/kernel", "internal/offheap"},
	"runtime/onnxruntime":   {"runtime", "onnx", "internal/cachedir"},
	"runtime/onnxgo":        {"runtime", "onnx"},
	"internal/kernel":       {"internal/offheap"},
	"internal/offheap":      {},
	"internal/atomicfile":   {},
	"internal/cachedir":     {},
	"internal/crc32c":       {},
	"internal/jsonsize":     {},
	"internal/testenv":      {"internal/cachedir"},
	"internal/imageio":      {"onnx/tensor", "internal/atomicfile", "internal/kernel"},
	"internal/gorgoniaop":   {"internal/kernel", "internal/offheap"},
	"internal/archtest":     {},
	"internal/integration":  {},
	"internal/segmenter":    {"compile", "runtime", "onnx"},
	"internal/limits":       {"onnx", "runtime", "dataset", "evaluate", "internal/imageio", "weights/checkpoint", "internal/jsonsize"},
	"internal/randomgraph":  {"onnx"},
	"evaluate":              {"runtime", "dataset", "onnx", "internal/imageio", "internal/kernel", "internal/segmenter"},
	"search":                {"decode", "dataset", "evaluate", "internal/gorgoniaop", "internal/kernel", "internal/atomicfile", "internal/statefile", "internal/option", "internal/sgd"},
	"internal/statefile":    {"internal/atomicfile", "internal/jsonsize"},
	"internal/option":       {},
	"internal/sgd":          {"internal/kernel"},
	"train":                 {"compile", "decode", "dataset", "evaluate", "runtime", "onnx", "internal/gorgoniaop", "internal/kernel", "internal/imageio", "internal/atomicfile", "internal/statefile", "internal/option", "internal/sgd"},
	"internal/report":       {"decode", "internal/crc32c", "internal/atomicfile"},
	"internal/costtable":    {"decode", "onnx", "runtime", "search"},
	"dataset":               {"internal/imageio", "internal/atomicfile", "internal/crc32c"},
	"internal/benchcompile": {"compile", "onnx", "runtime"},
	"verify":                {"runtime", "compile", "evaluate", "dataset", "onnx", "internal/imageio", "internal/segmenter"},
	"fixtures":              {},
	"fixtures/sample/gen":   {"internal/atomicfile"},
	"cmd":                   {"decode", "search", "train", "evaluate", "verify", "compile", "weights", "onnx", "runtime", "dataset", "fixtures", "internal"},
}

func TestImportsPointDown(t *testing.T) {
	eachFile(t, func(rel string) error {
		folder := filepath.ToSlash(filepath.Dir(rel))
		allowed, home := lookup(folder)
		if home == "" {
			t.Errorf("%s lies in no room of docs/architecture.md", rel)
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "..", rel), nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range f.Imports {
			target, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			target, ours := strings.CutPrefix(target, module+"/")
			if ours && !within(target, home) && !anyWithin(target, allowed) {
				t.Errorf("%s imports %s; %s may import %v", rel, target, home, allowed)
			}
		}
		return nil
	})
}

// eachFile calls f with each Go file of the project that is no test, by its path from the project's folder on.
func eachFile(t *testing.T, f func(rel string) error) {
	t.Helper()
	root := filepath.Join("..", "..")
	files := 0
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && len(d.Name()) > 2) {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go") {
			return nil
		}
		files++
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		return f(rel)
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 50 {
		t.Errorf("only %d files were looked at", files)
	}
}

// lookup finds the room of a folder: itself or the nearest folder above that has a row.
func lookup(folder string) (allowed []string, home string) {
	for ; folder != "."; folder = path.Dir(folder) {
		if a, ok := rooms[folder]; ok {
			return a, folder
		}
	}
	return nil, ""
}

func within(folder, room string) bool { return folder == room || strings.HasPrefix(folder, room+"/") }

func anyWithin(folder string, rooms []string) bool {
	for _, r := range rooms {
		if within(folder, r) {
			return true
		}
	}
	return false
}
