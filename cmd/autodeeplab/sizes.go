package main

import (
	"fmt"
	"strconv"
	"strings"
)

// dynamic is the word for a size that is left open.
const dynamic = "dynamic"

// maxInputSide bounds an input side given on the command line; what a network of that size would need is for the
// compiler's and the engine's own limits.
const maxInputSide = 1 << 16

// sizeFlag is a flag's height × width in pixels, "513x1025", or both 0 for "dynamic".
type sizeFlag struct{ height, width int }

func (s *sizeFlag) Type() string { return "HxW" }

func (s *sizeFlag) String() string {
	if s.height == 0 {
		return dynamic
	}
	return fmt.Sprintf("%dx%d", s.height, s.width)
}

func (s *sizeFlag) Set(text string) error {
	if text == dynamic {
		*s = sizeFlag{}
		return nil
	}
	h, w, ok := strings.Cut(strings.ReplaceAll(strings.ToLower(text), "×", "x"), "x")
	height, errH := strconv.Atoi(h)
	width, errW := strconv.Atoi(w)
	if !ok || errH != nil || errW != nil || min(height, width) < 1 || max(height, width) > maxInputSide {
		return fmt.Errorf("want HEIGHTxWIDTH, each 1 to %d, or %s", maxInputSide, dynamic)
	}
	*s = sizeFlag{height, width}
	return nil
}

// countFlag is a flag's positive number, or 0 for "dynamic".
type countFlag int

func (c *countFlag) Type() string { return "N" }

func (c *countFlag) String() string {
	if *c == 0 {
		return dynamic
	}
	return strconv.Itoa(int(*c))
}

func (c *countFlag) Set(text string) error {
	n, err := strconv.Atoi(text)
	switch {
	case text == dynamic:
		n = 0
	case err != nil || n < 1 || n > 1<<16:
		return fmt.Errorf("want 1 to %d, or %s", 1<<16, dynamic)
	}
	*c = countFlag(n)
	return nil
}
