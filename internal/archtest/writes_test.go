package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// writers are the functions of package os that make files which a crash, or a reader at the wrong moment, finds in part.
var writers = []string{"Create", "WriteFile", "OpenFile", "CreateTemp", "Rename", "Truncate", "Link", "Symlink"}

// mayWrite lists the files that use them, with the reason.
var mayWrite = map[string]string{
	"internal/atomicfile/atomicfile.go": "it is what all others use",
	"internal/report/log.go":            "TensorBoard reads event files as they grow",
}

// TestWritesAreAtomic holds that every file that the program writes is written by internal/atomicfile.
func TestWritesAreAtomic(t *testing.T) {
	used := make(map[string]bool)
	eachFile(t, func(rel string) error {
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, filepath.Join("..", "..", rel), nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			s, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if x, ok := s.X.(*ast.Ident); ok && x.Name == "os" && slices.Contains(writers, s.Sel.Name) {
				used[filepath.ToSlash(rel)] = true
				if mayWrite[filepath.ToSlash(rel)] == "" {
					t.Errorf("%s uses os.%s: want internal/atomicfile, which leaves the old file or the new one, whatever happens",
						strings.TrimPrefix(fset.Position(s.Pos()).String(), "../../"), s.Sel.Name)
				}
			}
			return true
		})
		return nil
	})
	for name := range mayWrite {
		if !used[name] {
			t.Errorf("%s writes no file: take it off the list", name)
		}
	}
}
