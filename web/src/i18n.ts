// Both languages are complete; one file is loaded.
import i18next from "i18next";
import { initReactI18next } from "react-i18next";
import { prefs } from "./prefs";

async function words(language: string) {
  return language === "fr" ? (await import("./lang/fr.json")).default : (await import("./lang/en.json")).default;
}

export async function startLanguage() {
  const lng = prefs().language;
  await i18next.use(initReactI18next).init({
    lng,
    resources: { [lng]: { translation: await words(lng) } },
    interpolation: { escapeValue: false }, // React writes text as text
    returnNull: false,
    keySeparator: false,
    nsSeparator: false,
  });
}

export async function switchLanguage(language: "en" | "fr") {
  if (!i18next.hasResourceBundle(language, "translation")) {
    i18next.addResourceBundle(language, "translation", await words(language));
  }
  await i18next.changeLanguage(language);
}
