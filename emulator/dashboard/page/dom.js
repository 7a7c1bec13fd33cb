// Elements as values, and a patch that changes only what differs: what has the focus, is open or is selected stays so.

const keys = new WeakMap(); // of elements

// h describes an element. A property that begins with "on" is a listener, "style" an object of CSS properties, "key"
// tells siblings apart; null and false leave a property or a child out. A child may be a Node that lives elsewhere.
export function h(tag, properties, ...children) {
  return { tag, properties: properties ?? {}, children };
}

// patch makes the children of an element those that are described.
export function patch(parent, children) {
  const wanted = children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false);
  const keyed = new Map();
  for (const node of parent.childNodes) {
    if (keys.has(node)) keyed.set(keys.get(node), node);
  }
  const used = new Set(wanted.filter((c) => c instanceof Node));
  const stays = new Set(wanted.map((c) => (c instanceof Node ? c : keyed.get(c.properties?.key))));
  let cursor = parent.firstChild;
  for (const child of wanted) {
    const node = find(child, cursor, keyed, used) ?? make(child);
    used.add(node);
    if (node === cursor) {
      cursor = cursor.nextSibling;
    } else {
      cursor = place(parent, node, cursor, stays);
    }
    update(node, child);
  }
  while (cursor) {
    const next = cursor.nextSibling;
    cursor.remove();
    cursor = next;
  }
}

function find(child, cursor, keyed, used) {
  if (child instanceof Node) return child;
  const key = child.properties?.key;
  if (key !== undefined) {
    const node = keyed.get(key);
    return node && !used.has(node) && matches(node, child) ? node : null;
  }
  return cursor && !keys.has(cursor) && !used.has(cursor) && matches(cursor, child) ? cursor : null;
}

// place puts a node before the cursor and returns the new cursor. Nodes in between that nobody wants any more are
// removed first: then what stays is not moved, and keeps the focus.
function place(parent, node, cursor, stays) {
  while (cursor && cursor !== node && !stays.has(cursor) && keys.has(cursor)) {
    const next = cursor.nextSibling;
    cursor.remove();
    cursor = next;
  }
  if (cursor === node) return cursor.nextSibling;
  parent.insertBefore(node, cursor);
  return cursor;
}

function matches(node, child) {
  if (typeof child !== 'object') return node.nodeType === Node.TEXT_NODE;
  return node.nodeType === Node.ELEMENT_NODE && node.localName === child.tag;
}

function make(child) {
  if (typeof child !== 'object') return document.createTextNode('');
  const node = document.createElement(child.tag);
  if (child.properties.key !== undefined) keys.set(node, child.properties.key);
  return node;
}

const former = new WeakMap(); // properties of elements

function update(node, child) {
  if (child instanceof Node) return;
  if (typeof child !== 'object') {
    if (node.data !== String(child)) node.data = String(child);
    return;
  }
  const before = former.get(node) ?? {};
  for (const name of Object.keys(before)) {
    if (!(name in child.properties)) set(node, name, null);
  }
  for (const [name, value] of Object.entries(child.properties)) set(node, name, value, before[name]);
  former.set(node, child.properties);
  patch(node, child.children);
}

function set(node, name, value, before) {
  if (name === 'key') return;
  if (name.startsWith('on')) {
    node[name] = value;
  } else if (name === 'style') {
    for (const [property, text] of Object.entries(value ?? {})) node.style.setProperty(property, text);
  } else if (value !== before || name === 'disabled') {
    if (value === null || value === undefined || value === false) node.removeAttribute(name);
    else node.setAttribute(name, value === true ? '' : String(value));
  }
}
