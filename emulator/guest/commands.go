package guest

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// builtin does the work of a program that is on every instance in AWS. It uses the instance's files alone. If it returns an error, its exit
// status is 1.
type builtin func(ctx context.Context, in *Instance, args []string) error

// builtinCommand returns the built-in program at an absolute path, and nil if there is none.
func builtinCommand(program string) builtin {
	switch path.Dir(program) {
	case "/usr/bin", "/bin", "/usr/local/bin":
	default:
		return nil
	}
	return map[string]builtin{
		"aws": awsCommand, "sha256sum": sha256sum, "install": install,
		"mv": mv, "rm": rm, "mkdir": mkdir, "tar": untar,
		"sync": succeed, // Kill loses nothing that was written
	}[path.Base(program)]
}

// runBuiltin runs a built-in program and logs its error.
func (s *service) runBuiltin(ctx context.Context, run builtin, argv []string, log io.Writer) outcome {
	if err := run(ctx, s.instance, argv[1:]); err != nil {
		text := fmt.Sprintf("%s: %v", path.Base(argv[0]), err)
		fmt.Fprintln(log, text)
		return outcome{text: "exit status 1: " + text}
	}
	return outcome{text: "exit status 0", clean: true}
}

// parseOptions parses arguments, including GNU long options, and checks the number of operands. There is no limit if most is negative.
func parseOptions(args []string, least, most int, define func(*flag.FlagSet)) ([]string, error) {
	set := flag.NewFlagSet("", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	define(set)
	if err := set.Parse(args); err != nil {
		return nil, fmt.Errorf("%w (the emulator has a part of the program's options)", err)
	}
	if n := set.NArg(); n < least || (most >= 0 && n > most) {
		return nil, fmt.Errorf("unexpected number of operands: %q", set.Args())
	}
	return set.Args(), nil
}

// succeed does nothing.
func succeed(context.Context, *Instance, []string) error { return nil }

// awsCommand does `aws s3 cp [options] s3://BUCKET/KEY FILE`.
func awsCommand(ctx context.Context, in *Instance, args []string) error {
	var words []string
	for i := 0; i < len(args); i++ {
		switch {
		case slices.Contains([]string{"--only-show-errors", "--no-progress", "--quiet"}, args[i]):
		case args[i] == "--region":
			i++
		case strings.HasPrefix(args[i], "-"):
			return fmt.Errorf("unknown option %s", args[i])
		default:
			words = append(words, args[i])
		}
	}
	if len(words) != 4 || words[0] != "s3" || words[1] != "cp" {
		return fmt.Errorf("the emulator has only `aws s3 cp` from a bucket to a file, not %q", words)
	}
	object, isObject := strings.CutPrefix(words[2], "s3://")
	bucket, key, hasKey := strings.Cut(object, "/")
	if !isObject || !hasKey || bucket == "" || key == "" {
		return fmt.Errorf("%q is not s3://BUCKET/KEY", words[2])
	}
	if err := in.download(ctx, bucket, key, in.root.path(words[3])); err != nil {
		return fmt.Errorf("download failed: %s: %w", words[2], err)
	}
	return nil
}

// download copies an S3 object to a file or into a folder.
func (in *Instance) download(ctx context.Context, bucket, key, target string) error {
	if in.spec.Fetch == nil {
		return errors.New("the instance has no role")
	}
	object, err := in.spec.Fetch(ctx, bucket, key)
	if err != nil {
		return err
	}
	defer object.Close()
	defer context.AfterFunc(ctx, func() { _ = object.Close() })()
	if info, err := os.Stat(target); err == nil && info.IsDir() {
		target = filepath.Join(target, path.Base(key))
	}
	if err := os.MkdirAll(filepath.Dir(target), folderMode); err != nil { // the aws command creates folders too
		return err
	}
	return copyFile(target, object, 0o644)
}

// copyFile replaces a file completely or not at all, also a program that is running.
func copyFile(target string, from io.Reader, mode fs.FileMode) error {
	w, err := os.CreateTemp(filepath.Dir(target), "."+filepath.Base(target)+".*")
	if err != nil {
		return &fs.PathError{Op: "create", Path: target, Err: errors.Unwrap(err)}
	}
	defer os.Remove(w.Name())
	defer w.Close()
	if _, err := io.Copy(w, from); err != nil {
		return err
	}
	if err := w.Chmod(mode); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return os.Rename(w.Name(), target)
}

// sha256sum does `sha256sum --check FILE…`. Each line of FILE is a hash, a space, a space or asterisk, and a path.
func sha256sum(_ context.Context, in *Instance, args []string) error {
	check := false
	files, err := parseOptions(args, 1, -1, func(set *flag.FlagSet) {
		set.BoolVar(&check, "check", false, "")
		set.BoolVar(&check, "c", false, "")
		for _, quiet := range []string{"status", "strict", "quiet", "warn"} {
			set.Bool(quiet, false, "")
		}
	})
	if err != nil {
		return err
	}
	if !check {
		return errors.New("the emulator has only `sha256sum --check`")
	}
	for _, file := range files {
		if err := in.checkSums(file); err != nil {
			return err
		}
	}
	return nil
}

// checkSums checks the files of a list.
func (in *Instance) checkSums(list string) error {
	f, err := os.Open(in.root.path(list))
	if err != nil {
		return in.withGuestPaths(err)
	}
	defer f.Close()
	checked := 0
	for lines := bufio.NewScanner(f); lines.Scan(); checked++ {
		want, file, ok := strings.Cut(lines.Text(), " ")
		if !ok || len(want) != 2*sha256.Size || len(file) < 2 || !strings.ContainsAny(file[:1], " *") {
			return fmt.Errorf("%s: line %d: improperly formatted SHA256 checksum line", list, checked+1)
		}
		if err := in.checkSum(file[1:], want); err != nil {
			return err
		}
	}
	if checked == 0 {
		return fmt.Errorf("%s: no properly formatted checksum lines found", list)
	}
	return nil
}

// checkSum checks the SHA-256 of a file.
func (in *Instance) checkSum(file, want string) error {
	f, err := os.Open(in.root.path(file))
	if err != nil {
		return in.withGuestPaths(err)
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); !strings.EqualFold(got, want) {
		return fmt.Errorf("%s: FAILED: its SHA-256 is %s, not %s", file, got, want)
	}
	return nil
}

// install does `install [-D] [-m MODE] SOURCE TARGET`.
func install(_ context.Context, in *Instance, args []string) error {
	parents, mode := false, "0755"
	words, err := parseOptions(args, 2, 2, func(set *flag.FlagSet) {
		set.BoolVar(&parents, "D", false, "")
		set.Bool("T", false, "")
		set.StringVar(&mode, "m", mode, "")
		set.StringVar(&mode, "mode", mode, "")
		set.String("o", "", "") // all files belong to the emulator's user
		set.String("g", "", "")
	})
	if err != nil {
		return err
	}
	bits, err := permissions(mode)
	if err != nil {
		return err
	}
	source, err := os.Open(in.root.path(words[0]))
	if err != nil {
		return in.withGuestPaths(err)
	}
	defer source.Close()
	target := in.root.path(words[1])
	if parents {
		if err := os.MkdirAll(filepath.Dir(target), folderMode); err != nil {
			return in.withGuestPaths(err)
		}
	}
	return in.withGuestPaths(copyFile(target, source, bits))
}

// mv does `mv [-f] [-T] SOURCE TARGET`.
func mv(_ context.Context, in *Instance, args []string) error {
	whole := false
	words, err := parseOptions(args, 2, 2, func(set *flag.FlagSet) {
		set.Bool("f", false, "")
		set.BoolVar(&whole, "T", false, "")
		set.BoolVar(&whole, "no-target-directory", false, "")
	})
	if err != nil {
		return err
	}
	target := in.root.path(words[1])
	if info, err := os.Stat(target); err == nil && info.IsDir() && !whole {
		target = filepath.Join(target, path.Base(words[0]))
	}
	return in.withGuestPaths(os.Rename(in.root.path(words[0]), target))
}

// rm does `rm [-f] [-r] FILE…`.
func rm(_ context.Context, in *Instance, args []string) error {
	var force, recursive bool
	words, err := parseOptions(args, 1, -1, func(set *flag.FlagSet) {
		for _, name := range []string{"f", "rf", "fr", "force"} {
			set.BoolVar(&force, name, false, "")
		}
		set.BoolVar(&recursive, "r", false, "")
	})
	if err != nil {
		return err
	}
	recursive = recursive || slices.Contains(args, "-rf") || slices.Contains(args, "-fr")
	for _, word := range words {
		remove := os.Remove
		if recursive {
			remove = os.RemoveAll
		}
		if err := remove(in.root.path(word)); err != nil && (!force || !errors.Is(err, fs.ErrNotExist)) {
			return in.withGuestPaths(err)
		}
	}
	return nil
}

// mkdir does `mkdir [-p] [-m MODE] FOLDER…`.
func mkdir(_ context.Context, in *Instance, args []string) error {
	parents, mode := false, "0755"
	words, err := parseOptions(args, 1, -1, func(set *flag.FlagSet) {
		set.BoolVar(&parents, "p", false, "")
		set.StringVar(&mode, "m", mode, "")
	})
	if err != nil {
		return err
	}
	bits, err := permissions(mode)
	if err != nil {
		return err
	}
	for _, word := range words {
		folder, create := in.root.path(word), os.Mkdir
		if parents {
			create = os.MkdirAll
		}
		if err := create(folder, folderMode); err != nil {
			return in.withGuestPaths(err)
		}
		if err := os.Chmod(folder, bits); err != nil {
			return in.withGuestPaths(err)
		}
	}
	return nil
}

// untar does `tar -xzf ARCHIVE -C FOLDER`. All files belong to the emulator's user.
func untar(_ context.Context, in *Instance, args []string) error {
	var archive, folder string
	words, err := parseOptions(args, 0, -1, func(set *flag.FlagSet) {
		set.StringVar(&archive, "xzf", "", "")
		set.StringVar(&folder, "C", "", "")
		set.Bool("no-same-owner", false, "")
	})
	// The options after an operand are not parsed; tar has them anywhere.
	if err == nil && (len(words) > 0 || archive == "" || folder == "") {
		err = fmt.Errorf("the emulator has only `tar -xzf ARCHIVE -C FOLDER`, not %q", args)
	}
	if err != nil {
		return err
	}
	file, err := os.Open(in.root.path(archive))
	if err != nil {
		return in.withGuestPaths(err)
	}
	defer file.Close()
	target, err := os.OpenRoot(in.root.path(folder))
	if err != nil {
		return in.withGuestPaths(err)
	}
	defer target.Close() //nolint:errcheck // its files are closed
	text, err := gzip.NewReader(file)
	if err != nil {
		return fmt.Errorf("%s: %w", archive, err)
	}
	for entries := tar.NewReader(text); ; {
		header, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = extract(target, header, entries)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", archive, err)
		}
	}
}

// extract writes an entry of an archive below a folder.
func extract(folder *os.Root, header *tar.Header, content io.Reader) error {
	name, mode := path.Clean(header.Name), header.FileInfo().Mode().Perm()
	if err := folder.MkdirAll(path.Dir(name), folderMode); err != nil {
		return err
	}
	switch header.Typeflag {
	case tar.TypeDir:
		if err := folder.MkdirAll(name, folderMode); err != nil {
			return err
		}
		return folder.Chmod(name, mode)
	case tar.TypeSymlink:
		return folder.Symlink(header.Linkname, name)
	case tar.TypeReg:
		file, err := folder.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
		if err != nil {
			return err
		}
		_, err = io.Copy(file, content)
		return errors.Join(err, file.Chmod(mode), file.Close())
	}
	return fmt.Errorf("%s is neither a file, a folder nor a link", header.Name)
}

// permissions parses a file's mode.
func permissions(octal string) (fs.FileMode, error) {
	bits, err := strconv.ParseUint(octal, 8, 12)
	if err != nil {
		return 0, fmt.Errorf("mode %q is not octal", octal)
	}
	return fs.FileMode(bits & 0o777), nil
}

// withGuestPaths replaces paths of this machine in an error by paths on the instance.
func (in *Instance) withGuestPaths(err error) error {
	var one *fs.PathError
	var two *os.LinkError
	switch {
	case errors.As(err, &one):
		return fmt.Errorf("%s: %w", in.guestPath(one.Path), one.Err)
	case errors.As(err, &two):
		return fmt.Errorf("%s to %s: %w", in.guestPath(two.Old), in.guestPath(two.New), two.Err)
	}
	return err
}

// guestPath returns the path on the instance of a file of this machine.
func (in *Instance) guestPath(host string) string { return strings.TrimPrefix(host, string(in.root)) }
