/* The file system in which programs and maps are pinned. */
#include <errno.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "loader.h"

#ifndef BPF_FS_MAGIC
#define BPF_FS_MAGIC 0xcafe4a11
#endif

/* Whether a path stands in a BPF file system: 1 or 0; a negative errno where there is no such path. */
int bpffs_is(const char *path)
{
    struct statfs about;

    if (statfs(path, &about))
        return -errno;
    return (unsigned int)about.f_type == BPF_FS_MAGIC;
}

/* Mount one there. */
int bpffs_mount(const char *path)
{
    return mount("bpf", path, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") ? -errno : 0;
}
