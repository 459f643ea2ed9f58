package decode

import (
	"fmt"
	"strings"
	"text/tabwriter"
)

// Rate returns the downsample rate of a level as text: "1/4" for level 0 to "1/32" for level 3.
func Rate(level int) string { return fmt.Sprintf("1/%d", 4<<level) }

// StateName returns what a branch calls state s: "H[l-1]", "H[l-2]" or "block i".
func StateName(s int) string {
	switch s {
	case 0:
		return "H[l-1]"
	case 1:
		return "H[l-2]"
	}
	return fmt.Sprintf("block %d", s-2)
}

// String returns a for people: a line of totals, the cell as a table of operator(input), and the path as downsample
// rates. It ends in a newline and does not need a to be valid.
func (a *Architecture) String() string {
	var b strings.Builder
	name := a.Name
	if name == "" {
		name = "(no name)"
	}
	fmt.Fprintf(&b, "%s: %s, %s", name, count(len(a.Cell), "block"), count(len(a.Path), "layer"))
	if len(a.Path) > 0 {
		fmt.Fprintf(&b, ", output stride %s", rate(a.Path[len(a.Path)-1])[len("1/"):])
	}
	b.WriteString("\n\n")
	w := tabwriter.NewWriter(&b, 0, 0, 1, ' ', 0)
	for i, block := range a.Cell {
		fmt.Fprintf(w, "block %d\t= %s(%s)\t+ %s(%s)\n", i,
			block[0].Op, StateName(block[0].Input), block[1].Op, StateName(block[1].Input))
	}
	_ = w.Flush() // into memory
	b.WriteString("\npath")
	for _, k := range a.Path {
		b.WriteString(" " + rate(k))
	}
	b.WriteString("\n")
	return b.String()
}

// rate is Rate for a level that may be invalid.
func rate(level int) string {
	if level < 0 || level >= NumLevels {
		return fmt.Sprintf("1/?(level %d)", level)
	}
	return Rate(level)
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
