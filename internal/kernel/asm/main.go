// Command asm writes the assembly of package kernel with avo. `go generate ./internal/kernel` runs it once for each
// family of kernels; the .s and stub files that it writes are committed and must be reproduced byte for byte.
package main

import (
	"flag"
	"log"
	"maps"
	"slices"

	. "github.com/mmcloughlin/avo/build"
)

// families are the kernels that one run can write, by the name that -family takes.
var families = map[string]func(){
	"gemm":      gemm,
	"im2col":    im2col,
	"bytes":     bytes,
	"depthwise": depthwise,
	"pack":      pack,
	"rowmath":   rowmath,
	"rows":      rows,
	"shift":     shift,
	"vector":    vector,
	"winograd":  winograd,
}

func main() {
	family := flag.String("family", "", "kernels to write: one of bytes, depthwise, gemm, im2col, pack, rowmath, rows, shift, vector, winograd")
	flag.Parse()
	write, ok := families[*family]
	if !ok {
		log.Fatalf("-family %q: want one of %v", *family, slices.Sorted(maps.Keys(families)))
	}
	ConstraintExpr("!noasm")
	write()
	Generate()
}
