// The page's own signs, drawn here: not every machine has a font with pictures.

const PATHS = {
  lock: "M5 7V5a3 3 0 0 1 6 0v2h1v7H4V7zm1.500 0h3V5a1.500 1.500 0 0 0-3 0z",
  eye: "M8 3.500C4.500 3.500 2 6 1 8c1 2 3.500 4.500 7 4.500S14 10 15 8c-1-2-3.500-4.500-7-4.500zm0 7A2.500 2.500 0 1 1 8 5.500a2.500 2.500 0 0 1 0 5z",
  talk: "M2 3h12v8H7l-3 3v-3H2z",
  picture: "M1.500 3h13v10h-13zM3 4.500V10l3-3 3 3 2-2 2 2V4.500z",
  file: "M4 1.500h5l3 3v10H4zM5.500 3v10h5V5.500H8V3z",
  trash: "M3 4h10v1.500H3zM6 2.500h4V4H6zM4 6h8l-.7 8H4.700z",
};

/** A small picture in the colour of the words beside it, which say what it says. */
export function sign(name) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [key, value] of Object.entries({ viewBox: "0 0 16 16", class: "drawn", "aria-hidden": "true" })) made.setAttribute(key, value);
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", PATHS[name]);
  made.append(path);
  return made;
}
