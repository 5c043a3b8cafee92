import { describe, expect, test } from 'vitest'
import { folderOf } from '../../../src/node/process/cgroup.js'

const V1 = '31 30 0:27 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids'
const mounted = (root: string, folder: string): string =>
  `${V1}\n41 31 0:38 ${root} ${folder} rw,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate`

describe('the folder of a control group', () => {
  test.each([
    ['version 2 alone', '/user.slice/a.scope', mounted('/', '/sys/fs/cgroup'), '/sys/fs/cgroup/user.slice/a.scope'],
    ['version 2 beside version 1', '/', mounted('/', '/sys/fs/cgroup/unified'), '/sys/fs/cgroup/unified'],
    ['a part of it, as in a container', '/docker/ab/c', mounted('/docker/ab', '/sys/fs/cgroup'), '/sys/fs/cgroup/c'],
    ['another part of it', '/docker/xy', mounted('/docker/ab', '/sys/fs/cgroup'), undefined],
    ['version 1 alone', '/', V1, undefined],
    ['nothing', '/', '', undefined],
  ])('with %s', (_, group, mountinfo, folder) => {
    expect(folderOf(group, mountinfo)).toBe(folder)
  })
})
