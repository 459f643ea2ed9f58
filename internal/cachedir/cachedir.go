// Package cachedir names the folder that scripts/*.sh fill with what is fetched and not built: ONNX Runtime's library,
// ONNX's test data, other people's models.
package cachedir

import (
	"os"
	"path/filepath"
)

// Path is $AUTODEEPLAB_CACHE, or "autodeeplab" in the user's cache folder, joined with elem.
func Path(elem ...string) (string, error) {
	dir := os.Getenv("AUTODEEPLAB_CACHE")
	if dir == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", err
		}
		dir = filepath.Join(user, "autodeeplab")
	}
	return filepath.Join(append([]string{dir}, elem...)...), nil
}
